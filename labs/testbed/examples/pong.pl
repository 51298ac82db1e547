#!/usr/bin/env perl
# Takes part in a scene without a line of Python: answers every frame that arrives, addresses turned round, with
# "pong" (or what its argument "answer" says) in place of the payload. In virtual time it also speaks of its own accord,
# a second after it has last been spoken to.
#
# The protocol is docs/channel.md; all modules are Perl's own.

use strict;
use warnings;
use IO::Handle;
use JSON::PP;

use constant { NEVER => 2**63 - 1, SECOND => 1_000_000_000 };

my $channel = IO::Handle->new_from_fd($ENV{DOWNSTACK_CHANNEL}, 'r+') or die "no channel: $!";
binmode $channel;
$channel->autoflush(1);

sub say_to_judge {
    my ($type, $body) = @_;
    print {$channel} pack('N a a*', 1 + length $body, $type, $body);
}

sub hear_from_judge {
    read($channel, my $length, 4) == 4 or exit 0;                # the judge has gone
    read($channel, my $message, unpack 'N', $length) or exit 0;
    return unpack 'a a*', $message;                              # type, body
}

my (undef, $json) = hear_from_judge();
my $start   = decode_json $json;
my $answer  = $start->{arguments}{answer} // 'pong';
my $virtual = $start->{time} eq 'virtual';
my ($header, $heard, $timer);                                    # whom to speak to; just now?; when to speak unasked

say_to_judge('W', pack 'Q>', 0) if $virtual;

while (my ($type, $body) = hear_from_judge()) {
    if ($type eq 'F') {
        my ($link, $frame) = unpack 'n a*', $body;
        my ($to, $from, $kind) = unpack 'a6 a6 a2', $frame;
        $header = pack 'n a6 a6 a2', $link, $from, $to, $kind;
        $heard  = 1;
        say_to_judge('F', "$header$answer");
    }
    elsif ($type eq 'G') {
        my $now = unpack 'Q>', $body;                            # the end of what has arrived by now
        if (defined $timer && $timer <= $now) {
            say_to_judge('F', "${header}still here");
            say_to_judge('N', "spoke of my own accord at $now");
            undef $timer;
        }
        $timer = $now + SECOND if $heard;
        $heard = 0;
        say_to_judge('W', pack 'Q>', $timer // NEVER);
    }
    elsif ($type eq 'X') {
        print "$start->{host} was asked to stop\n";
        say_to_judge('E', "cancelled\n");
        exit 0;
    }
}
