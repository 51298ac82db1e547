"""All clients of this service, made in one place."""

import courier


class Client:
    """A client that is opened when it is first needed, and tells callers nothing of how."""

    timeout = 1.0

    def __init__(self, name):
        self.opening = courier.client(name, me="standings", timeout=self.timeout)

    async def __aenter__(self):
        return await self.opening.__aenter__()

    async def __aexit__(self, *error):
        await self.opening.__aexit__(*error)


class PatientClient(Client):
    timeout = 2.5
