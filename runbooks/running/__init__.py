"""One run of one notebook: the runner, the papermill engine, the kernel."""
