# The commands of the project, each an alias of manage_dev.py. PYTHON names another interpreter, PORT another port.
PYTHON ?= python3

.PHONY: run test test-all lint format bench

run:
	@$(PYTHON) manage_dev.py run

test:
	@$(PYTHON) manage_dev.py test

test-all:
	@$(PYTHON) manage_dev.py test-all

lint:
	@$(PYTHON) manage_dev.py lint

format:
	@$(PYTHON) manage_dev.py format

# make bench NAME=intake ARGS="--floors PATH"
bench:
	@$(PYTHON) manage_dev.py bench -- $(NAME) $(ARGS)
