"""What can be seen of calls from outside: numbers, in the names that Linkerd gave them."""
