# Functions that create secrets in files below /etc/holdfast. A script that includes this continues in that directory.
umask 027
cd /etc/holdfast || exit

# keep FILE CONTENT: writes the file atomically unless it exists, readable by its owner and group.
keep() {
  [ ! -e "$1" ] || return 0
  printf '%s\n' "$2" > "$1.new"
  sync "$1.new"
  mv "$1.new" "$1"
  echo "created $1"
}

random() { head -c 32 /dev/urandom | base64 -w 0; }
random_hex() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

# The password in a configuration file of Redis.
redis_password() { sed -n 's/^requirepass //p' "$1"; }
