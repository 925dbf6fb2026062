"""A saved model behind a page and an API: ``make serve CKPT=… [PORT=8000]``."""
