"""A host of our own at the end of a raw link, all of it in this very process, with your pieces inside.

Below is `netstack.host.Host`, which decides everything and does nothing; `netstack.driver` carries its frames and keeps
its time; above, a program uses trio's sockets and knows of none of this.
"""

from pieces import parts

from netstack.host import Host, Interface
from netstack.packets import number
from netstack.tcp import Settings


def machine(host) -> Host:
    """The host that `host.arguments` describe: `address`, `pieces`, `settings`, `isn`."""
    terms, link = host.arguments, host.link
    return Host(
        interfaces=[Interface(link.name, link.address, number(terms["address"]), 24)],
        randomness=host.random,
        settings=Settings(timestamps=False, sack=False, rack=False, quick_acks=0, **terms["settings"]),
        parts=parts(terms["pieces"], counting=terms["counting"]),
        draw_isn=lambda local, remote, *, secret, now: terms["isn"],
    )
