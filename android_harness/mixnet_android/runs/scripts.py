"""Scripts for the phone's shell that start, watch and end a run; see ``detached``. Text only.

They use only POSIX shell, setsid, nohup, cat, date, mkdir, mv, rm, sleep and kill, which every
Android since 6 has.
"""

MEMBERS = """members() {
  read -r p t < "$d/pid" 2>/dev/null || return 0
  for f in /proc/[0-9]*/stat; do
    read -r s 2>/dev/null < "$f" || continue
    n=${s%% *}; s=${s##*) }; set -- $s
    if [ "$4" = "$p" ] && [ "$1" != Z ] && [ "${20}" -ge "$t" ]; then echo "$n"; fi
  done
}"""
"""Shell function: the processes of the run's session, started no earlier than the run itself.

After the last parenthesis of /proc/PID/stat come the state, three fields later the session, and
sixteen after that the time of start; with it a number that was given out again is not mistaken.
"""

JOB = """s=$(cat /proc/$$/stat); s=${{s##*) }}; set -- $s
echo "$$ ${{20}}" > pid.new && mv pid.new pid || exit 9
{command} > stdout 2> stderr &
child=$!
(sleep {limit}; echo > overdue; kill -TERM $child; sleep 5; kill -KILL $child) &
wait $child; status=$?
echo "$status $(date +%s)" > status.new && mv status.new status
trap '' TERM
kill -TERM -$$"""
"""The script of the new session: the command, and the watchdog that ends it.

The file ``status`` holds the exit status and when that was, in seconds of the phone's clock.
On a full disk an empty ``pid.new`` or ``status.new`` stays: nothing is begun that could not be
found again, and how it ended is not known.
"""

START = """exec 2>&1
d={folder}
for p in setsid nohup; do command -v $p >/dev/null || {{ echo $p; exit 9; }}; done
mkdir -p {runs} && mkdir "$d" && cd "$d" || exit 8
cat {boot_id} > boot
setsid nohup sh -c {job} >/dev/null 2>&1 </dev/null &
i=0
while [ ! -s pid ] && [ $i -lt 50 ]; do sleep 0.1 || sleep 1; i=$((i+1)); done
[ -s pid ] && exit 0
[ -e pid.new ] && [ ! -s pid.new ] && echo "no space left"
cd .. && rm -rf "$d"
exit 7"""
"""If the job does not report its number, its folder is removed, so that it cannot start late."""

STATUS = """cat {folder}/status
for f in {folder}/status {folder}/status.new; do [ -e $f ] && [ ! -s $f ] && echo unsaved; done
echo now $(date +%s)"""

KILL = """d={folder}
{members}
signal() {{ for n in $(members); do kill -$1 $n 2>/dev/null; done; }}
signal TERM
i=0
while [ -n "$(members)" ] && [ $i -lt 20 ]; do sleep 0.1 || sleep 1; i=$((i+1)); done
signal KILL
[ -z "$(members)" ] || {{ sleep 0.3 || sleep 1; [ -z "$(members)" ]; }}"""
