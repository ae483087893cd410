import os

bind = f"127.0.0.1:{os.environ['PORT']}"
workers = int(os.environ.get("WORKERS", "2"))
# It would be a file in the home directory, which peers share.
control_socket_disable = True
