"""The last good answer, with the number of failures in a row instead of a pause."""


class LastGood:
    """The last good answer of a registry."""

    def __init__(self, *, refresh_every=30.0, retry_after=1.0, avoided_for=10.0):
        self.instances = ()
        self.terms = refresh_every, retry_after, avoided_for
        self.failures = 0
        self.due = 0.0
        self.bad = []

    def answered(self, instances, *, now):
        """An answer, if it is one."""
        if len(instances) == 0:
            self.failed(now=now)
        else:
            self.instances = tuple(instances)
            self.failures = 0
            self.due = now + self.terms[0]

    def failed(self, *, now):
        """One failure more."""
        self.due = now + min(self.terms[0], self.terms[1] * 2 ** min(self.failures, 60))
        self.failures += 1

    def next_timer(self):
        """When to ask."""
        return self.due

    def unreachable(self, instance, *, now):
        """Remember when."""
        self.bad = [(who, at) for who, at in self.bad if who != instance]
        self.bad.append((instance, now))

    def is_usable(self, instance, *, now):
        """Whether that was long ago."""
        return all(who != instance or now >= at + self.terms[2] for who, at in self.bad)
