"""How a message reaches a person: one module per channel. Which messages are owed is `routing.delivery`'s."""
