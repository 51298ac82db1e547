"""Where scenes are played: scenes, the judge, the channel, `sim`, emulated networks, the enclave, captures."""
