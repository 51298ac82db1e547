#!/bin/sh
# Sets the course up in the box by its own script, as anywhere else: provision.sh FOLDER-OF-THE-COURSE
# May be run again at any time.
set -eu
course=${1:?usage: provision.sh FOLDER-OF-THE-COURSE}

# Fresh lists of packages, without which a box made months ago asks for versions that are gone.
if command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n apt-get -qq update
fi

# Sets up on first use, then says what this machine can do.
"$course/lab" doctor

echo "The course is in $course: vagrant ssh, then cd course && ./lab demo"
