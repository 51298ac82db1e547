"""Where frames go in and out: links of this machine, for a host of our own (`netstack.driver`)."""
