# Processes, namespaces, sockets and mounts, as a container's root sees them.
echo "== ps"; ps -o pid,comm | head -2; ps -o pid= -p 1 | tr -d ' '; sh -c 'ps -o args= -p $$; :'; ps aux | head -1; ps -ef | grep -c '[p]s -ef'; ps | head -1
echo "== kill"; sleep 100 & kill $!; wait $!; echo $?; sleep 100 & kill -0 $! && kill -9 $!; wait $! 2>/dev/null; echo $?; kill 99999; echo $?; kill -l 15; kill -s NOSIG 1; echo $?
echo "== top"; top -b -n 1 | grep -q 'sh /t/system.sh'; echo $?; top -b -n 2 -d 0.1 | grep -c '^Tasks'
echo "== free"; free | head -1; free -m | grep -c '^Mem: *[0-9]'
echo "== df"; df / | tail -1 | tr -s ' ' | cut -d' ' -f6; df -h | head -1
echo "== mount"; mkdir m; mount -t tmpfs -o size=1m,ro none m; echo $?; mount | grep ' /tmp/m ' | cut -d' ' -f1-5; touch m/x; echo $?; mount -o remount,rw m; touch m/x && ls m; umount m; ls m; umount m; echo $?; mkdir from to; touch from/f; mount --bind from to; ls to; umount to; mount -t nosuch none m; echo $?
echo "== id"; id; id -u; id -un; whoami; id nobody; id nosuchuser; echo $?; hostname; uname -s -m; env -i A=1 env; env -i sh -c 'echo $PATH'; env -u HOME sh -c 'echo ${HOME-none}'; env nosuchprogram; echo $?
echo "== unshare"; unshare -u sh -c 'hostname other; hostname'; hostname; unshare -pf sh -c 'echo $$'; unshare -m sh -c 'mount -t tmpfs none m; df m | grep -c tmpfs'; mount | grep -c ' /tmp/m '; unshare -n true; echo $?; unshare -Ur id -u
echo "== nsenter"; mkfifo ready 2>/dev/null; unshare -u sh -c 'hostname inner; sleep 100' & sleep 0.2; nsenter -t $! -u hostname; nsenter --target $! --uts hostname; kill $!; nsenter -u true; echo $?
echo "== nc"; nc -l 127.0.0.1 7000 > got & sleep 0.2; echo over tcp | nc 127.0.0.1 7000; wait; cat got; echo answer | nc -lU sock > asked & sleep 0.2; echo question | nc -U sock; wait; cat asked; nc -z 127.0.0.1 7001; echo $?; nc -lu 127.0.0.1 7002 > got & sleep 0.2; echo over udp | nc -u -w 1 127.0.0.1 7002; sleep 0.2; kill %1 2>/dev/null; cat got
echo "== init"; init sh -c 'sleep 0 & exit 3'; echo $?; init sh -c 'kill -TERM $$'; echo $?; unshare -mpf init sh -c 'mount -t proc none /proc; sh -c "sleep 0.1 & :"; sleep 0.3; ps -o stat= | grep -c Z'
echo "== time"; date -u +%Y | grep -c '^20[2-9][0-9]$'; sleep 0.1; sleep 0.05s 0.05; sleep x; echo $?
echo "== tail -f"; echo first > log; tail -f log > followed & sleep 0.3; echo second >> log; sleep 0.5; kill $!; cat followed
echo "== limits"; yes | head -c 100000 | wc -c; seq 2000 | xargs -n 500 echo | wc -l; i=0; while [ $i -lt 200 ]; do i=$((i+1)); done; echo $i; cat /dev/zero | head -c 1000000 | wc -c
echo "== box"; box | wc -l | sed 's/[0-9][0-9]/many/'; box echo called; box nosuch; echo $?; ls --help | cut -c1-9; ls -Q 2>&1 | head -1
