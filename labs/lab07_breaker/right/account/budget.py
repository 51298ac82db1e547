"""An account, as Finagle has it: a request pays in, a retry takes out; what was paid ten slices ago has leaked out."""


class RetryBudget:
    def __init__(self, *, seconds=10.0, share=0.2, reserve=10.0):
        self.seconds, self.share, self.reserve = seconds, share, reserve
        self._slices = [0.0] * 10
        self._number = 0

    def request(self, *, now):
        self._turn(now)[self._number % 10] += self.share

    def may_retry(self, *, now):
        if self.balance(now=now) < 1 - 1e-9:
            return False
        self._turn(now)[self._number % 10] -= 1
        return True

    def balance(self, *, now):
        return sum(self._turn(now)) + self.reserve * self.seconds

    def _turn(self, now):
        number = int(10 * now / self.seconds)
        for old in range(self._number + 1, min(number, self._number + 10) + 1):
            self._slices[old % 10] = 0.0
        if number > self._number + 10:
            self._slices = [0.0] * 10
        self._number = number
        return self._slices
