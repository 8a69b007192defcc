# The menu. Everything happens in scripts/dev.py, which works without make too.
# More words for a command: make guide ARGS="--port 8000", make test ARGS="-k figures"
PYTHON ?= python3
ARGS ?=
COMMANDS = guide test notebooks ray check format bench report picture look checkpoints try-install lock texts

menu:
	@$(PYTHON) scripts/dev.py menu

$(COMMANDS):
	@$(PYTHON) scripts/dev.py $@ $(ARGS)

.PHONY: menu $(COMMANDS)
