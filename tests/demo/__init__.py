"""The demo as a stranger meets it: a child process, its page in a browser, its chat through the control verbs."""
