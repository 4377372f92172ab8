# Runs one server and stops it when the anchor process is gone, or when told to: by SIGTERM, or by SIGUSR1.
# Arguments: ANCHOR SIGNAL GRACE PIDFILE SCRATCH COMMAND...
# SIGNAL asks the server to stop, after GRACE seconds it is killed. SCRATCH, if not empty, is removed at the end,
# but not after SIGTERM or when the server ends by itself.
anchor=$1 signal=$2 grace=$3 pidfile=$4 scratch=$5
shift 5

# One that nobody reaps counts as gone: in a container it may stay for ever.
alive() {
    if [ -r /proc/self/stat ]; then
        { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    else
        stat=") $(ps -o stat= -p "$1") "
    fi
    case $stat in *') Z'* | *') X'* | ')  ') return 1 ;; esac
}

stopping=
discard=
trap 'stopping=yes' TERM INT HUP
trap 'stopping=yes discard=yes' USR1
# The process id is on file before there is a server that could answer.
sh -c 'echo $$ >"$0"; exec "$@"' "$pidfile" "$@" </dev/null &
server=$!

while [ -z "$stopping" ] && alive "$anchor" && alive "$server"; do
    sleep 1 >/dev/null 2>&1 &
    wait $!
done
alive "$anchor" || discard=yes

kill -s "$signal" "$server" 2>/dev/null
left=$((grace * 20))
while [ "$left" -gt 0 ] && alive "$server"; do
    sleep 0.05
    left=$((left - 1))
done
if alive "$server"; then kill -s KILL "$server"; fi
wait "$server"
status=$?
rm -f "$pidfile"
if [ -n "$scratch" ] && [ -n "$discard" ]; then rm -rf "$scratch"; fi
exit "$status"
