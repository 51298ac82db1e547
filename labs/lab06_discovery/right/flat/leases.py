"""A registry as flat as it can be: an instance and its last word in one dictionary each."""

import dataclasses

from mesh.instances import NoLease, Status


class Registry:
    """All leases of a registry. Times are seconds."""

    preserving = False

    def __init__(self, *, randomness, **terms) -> None:
        self.lot = randomness
        self.terms = {
            "duration": 90.0,
            "renewed_every": 30.0,
            "sweep_every": 60.0,
            "threshold": 0.85,
            "preserves_itself": True,
            **terms,
        }
        self.who, self.word = {}, {}
        self.renewals = 0
        self.sweep_at = None

    def register(self, instance, *, now):
        """It is there."""
        key = instance.service, instance.name
        self.who[key], self.word[key] = instance, now
        if self.sweep_at is None:
            self.renewals, self.sweep_at = 0, now + self.terms["sweep_every"]

    def known(self, *key):
        """Its key, or an error."""
        if key not in self.who:
            raise NoLease(f"unknown: {key}")
        return key

    def renew(self, service, name, *, now):
        """It is there still."""
        self.word[self.known(service, name)] = now
        self.renewals += 1

    def set_status(self, service, name, status, *, now):
        """It is something else."""
        key = self.known(service, name)
        self.register(dataclasses.replace(self.who[key], status=status), now=now)

    def cancel(self, service, name):
        """It goes."""
        self.remove(self.known(service, name))

    def remove(self, key):
        """Forget it."""
        del self.word[key]
        if len(self.word) == 0:
            self.sweep_at = None
        return self.who.pop(key)

    def find(self, service, query=None):
        """Who fits."""
        return [
            self.who[key]
            for key in sorted(self.who)
            if key[0] == service and self.who[key].status is Status.UP and self.who[key].fits(query or {})
        ]

    def __iter__(self):
        return iter(list(self.who.values()))

    def __len__(self):
        return len(self.who)

    def next_timer(self):
        """When to sweep."""
        return self.sweep_at

    def handle_timer(self, *, now):
        """Sweep."""
        if self.sweep_at is None or self.sweep_at > now:
            return []
        terms, n = self.terms, len(self)
        heard, self.renewals = self.renewals, 0
        self.sweep_at = now + terms["sweep_every"]
        silent = sorted(key for key in self.word if now - self.word[key] > terms["duration"])
        if terms["preserves_itself"]:
            due = n * terms["sweep_every"] / terms["renewed_every"]
            self.preserving = heard <= int(due * terms["threshold"])
            most = 0 if self.preserving else n - int(n * terms["threshold"])
            silent = self.lot.sample(silent, min(len(silent), most))
        return [self.remove(key) for key in silent]
