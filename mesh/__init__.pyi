from mesh.calling import client as client
from mesh.serving import serve as serve
