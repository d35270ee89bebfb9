// What programs of a Debian root are made to do, each as a shell script whose output is the same wherever it runs. Where this
// computer cannot run them, `expected` is what has to be in the output.

/** One thing to do. */
export interface Program {
  readonly name: string;
  readonly script: string;
  readonly expected: RegExp;
}

/** Feeds a text to a command. */
const feed = (command: string, text: string) => `${command} <<'END'\n${text}\nEND\n`;

const BASH = String.raw`declare -A m=([b]=2 [a]=1); echo "\${!m[@]}" | tr ' ' '\n' | sort | paste -sd,
diff <(printf '1\n2\n') <(printf '1\n3\n') | sed 's/^/diff: /'; echo to a process > >(cat); wait $!; (echo error >/dev/stderr) 2>&1 | cat
f() { local x=$1; ((x > 1)) && echo $((x * $(f $((x - 1))))) || echo 1; }; f 6
trap 'echo got USR1' USR1; kill -USR1 $$; trap 'echo bye' EXIT
coproc cat; echo through >&"\${COPROC[1]}"; read -r -u "\${COPROC[0]}" line; echo "$line"
sleep 100 & kill %1; wait %1; echo "killed: $?"
(exit 3) | true; echo "\${PIPESTATUS[@]}"; shopt -s globstar; echo /usr/share/base-passwd/**/*.master
exec 9<>/tmp/f; flock 9; echo locked >&9; cat /tmp/f; rm /tmp/f; printf '%(%Y)T %q\n' 0 'a b'; type -t cd ls`.replaceAll(
  '\\${',
  '${',
);

const C = `#include <math.h>
#include <pthread.h>
#include <stdio.h>
static void *twice(void *p) { *(int *)p *= 2; return p; }
int main(int argc, char **argv) {
  int n = argc;
  pthread_t thread;
  pthread_create(&thread, 0, twice, &n);
  pthread_join(thread, 0);
  printf("%s: %d %.10f\\n", argv[1], n, sqrt(n));
  return 0;
}`;

const PERL = String.raw`use strict; use warnings; use POSIX qw(:sys_wait_h); use Socket; use IO::Select; use File::Temp; use Data::Dumper;
use Digest::SHA qw(sha256_hex); use Time::HiRes qw(usleep); $| = 1; $Data::Dumper::Sortkeys = 1;
pipe(my $r, my $w); my $pid = fork // die; if (!$pid) { print $w "child"; exit 3 } close $w;
print <$r>, " "; waitpid $pid, 0; print WEXITSTATUS($?), "\n";
socketpair(my $one, my $two, AF_UNIX, SOCK_STREAM, PF_UNSPEC); syswrite $one, "pair"; print scalar(IO::Select->new($two)->can_read(1)), "\n"; sysread $two, my $text, 9; print "$text\n"; local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select undef, undef, undef, 5;
print Dumper({ map { $_ => $_ ** 2 } 1 .. 3 }), sha256_hex("x"), "\n", join(",", sort { $a <=> $b } map { ord } split //, "perl"), "\n";
my $file = File::Temp->new; print $file "line\n" x 3; close $file; open my $in, "<", "$file"; my @lines = <$in>; print scalar(@lines), "\n"; print qx(echo \$((6 * 7)));`;

const PYTHON = `import asyncio, concurrent.futures, ctypes, decimal, hashlib, http.server, json, lzma, mmap, multiprocessing, os, pathlib
import pwd, re, signal, socket, sqlite3, ssl, subprocess, tempfile, threading, time, urllib.request, zlib
from multiprocessing import shared_memory
print(json.dumps({'a': [1, 2.5, None]}), re.findall(r'\\w+', 'a b'), decimal.Decimal(1) / 7, pwd.getpwuid(0).pw_dir)
async def echo(reader, writer):
    writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
async def main():
    server = await asyncio.start_server(echo, '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b'loopback\\n'); print(await reader.read()); writer.close(); server.close()
    child = await asyncio.create_subprocess_exec('echo', 'child', stdout=asyncio.subprocess.PIPE)
    print((await child.communicate())[0], await asyncio.gather(*(asyncio.to_thread(pow, n, 2) for n in range(4))))
asyncio.run(main())
count, lock = 0, threading.Lock()
def work():
    global count
    for _ in range(500):
        with lock: count += 1
threads = [threading.Thread(target=work) for _ in range(6)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]; print(count)
print(subprocess.run(['sh', '-c', 'cat; echo err >&2; exit 5'], input=b'in', capture_output=True))
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder)
    db = sqlite3.connect(path / 'db'); db.execute('pragma journal_mode=wal'); db.execute('create table t(a)')
    db.executemany('insert into t values(?)', [(n,) for n in range(100)]); db.commit()
    print(db.execute('select sum(a), count(*) from t').fetchall()); db.close()
    os.link(path / 'db', path / 'hard'); os.symlink('db', path / 'soft'); print(sorted(os.listdir(folder)))
def square(n): return n * n
def increment(value):
    for _ in range(50):
        with value.get_lock(): value.value += 1
with multiprocessing.Pool(3) as pool: print(pool.map(square, range(8)))
value = multiprocessing.Value('i', 0)
processes = [multiprocessing.Process(target=increment, args=(value,)) for _ in range(3)]
[process.start() for process in processes]; [process.join() for process in processes]; print(value.value)
one = shared_memory.SharedMemory(create=True, size=100); one.buf[0] = 7
two = shared_memory.SharedMemory(one.name); print(two.buf[0]); two.close(); one.close(); one.unlink()
with concurrent.futures.ProcessPoolExecutor(2) as pool: print(sum(pool.map(square, range(20))))
print(hashlib.sha256(b'a').hexdigest()[:16], zlib.crc32(b'a'), len(lzma.compress(b'a' * 1000)), ssl.HAS_TLSv1_3)
print(ctypes.CDLL(None).getpid() == os.getpid()); area = mmap.mmap(-1, 4096); area[:3] = b'abc'; print(area[:3])
signal.signal(signal.SIGALRM, lambda *_: print('alarm')); signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.1)
pid, terminal = os.forkpty()
if pid == 0: os.execvp('tty', ['tty'])
print(os.read(terminal, 100)); os.waitpid(pid, 0)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(self.path.encode())
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f'http://127.0.0.1:{server.server_port}/path').read()); server.shutdown()`;

/** Directories have other sizes and numbers of links on every kind of file system. */
const WITHOUT_DIRECTORY_SIZES = String.raw`sed -E 's/^(d\S+) +[0-9]+ (\S+ +\S+) +[0-9]+/\1 \2/; /^total/d'`;

/** Programs that leave the root as it was. */
export const PROGRAMS: readonly Program[] = [
  { name: 'bash', script: feed('bash', BASH), expected: /^a,b\ndiff: 2c2\n.*720\ngot USR1\n.*bye\n$/s },
  {
    name: 'ls -la',
    script: `ls -la --time-style=+ / /etc/apt /bin/bash /bin/su | ${WITHOUT_DIRECTORY_SIZES} | tr -s ' ' | grep -vE ' (\\.\\.?|packages)$'`,
    expected:
      /^-rwxr-xr-x 1 root root \d+ \/bin\/bash\n-rwsr-xr-x 1 root root.*lrwxrwxrwx 1 root root .* bin -> usr\/bin/s,
  },
  {
    name: 'ps aux',
    script: `sleep 60 & until read name < /proc/$!/comm && [ "$name" = sleep ]; do :; done
ps aux > /tmp/aux; awk '{ print $1, $2, $7, $11, $12 }' /tmp/aux
ps -eo ppid,pid,comm,args,nice,euser > /tmp/own; tr -s ' ' < /tmp/own; rm /tmp/aux /tmp/own; kill $!`,
    expected: /^USER PID TTY COMMAND \nroot 1 \? sh -c\n.*sleep 60/s,
  },
  {
    name: 'find',
    script: `find / -xdev -path /packages -prune -o -type f -size +400k -printf '%p %s %m %u:%g\\n' | sort
find /usr/share/perl5 -name '*.pm' -newermt 2020-01-01 -exec grep -l 'sub new' {} + | sort | head`,
    expected: /\/usr\/bin\/bash \d+ 755 root:root/,
  },
  {
    name: 'tar',
    script: `cd /tmp; tar --sort=name -czf a.tgz /usr/lib/dpkg /etc/alternatives 2>/dev/null; mkdir b; tar -xpzf a.tgz -C b
tar -tvzf a.tgz | awk '{ print $1, $2, $3, $6, $8 }' | sed 's/^\\(d[^ ]*\\) root.root [0-9]*/\\1/'; diff -r --no-dereference /etc/alternatives b/etc/alternatives && echo same; rm -r a.tgz b`,
    expected: /usr\/lib\/dpkg\/.*same\n$/s,
  },
  {
    name: 'gcc',
    script: `gcc -v; cd /tmp; ${feed('cat > a.c', C)}gcc -O2 -Wall -o a a.c -lm -pthread && ./a dynamic; gcc -static -o b a.c -lm && ./b static 2
gcc -g -c a.c && nm a.o; readelf -hW a | grep -E 'Class|Machine|Type'; objdump -d --no-show-raw-insn a.o | grep -c call; rm a b a.c a.o`,
    expected: /gcc version 12.*dynamic: 4 2\.0000000000\nstatic: 6 2\.4494897428\n/s,
  },
  { name: 'perl', script: feed('perl', PERL), expected: /^child 3\n.*pair\nalarm\n.*101,108,112,114\n3\n42\n$/s },
  { name: 'python3', script: feed('python3', PYTHON), expected: /b'LOOPBACK\\n'.*\[\(4950, 100\)\].*b'\/path'\n$/s },
  {
    name: 'dpkg and apt about what is installed',
    script: `dpkg --audit; dpkg -l | tail -n +6; dpkg -V dpkg sed; dpkg -S /usr/bin/perl; dpkg -s bash | head -5
apt-get --version | head -1; apt-cache policy bash; apt-get check; apt-mark showmanual; apt-config dump | sort | head -20`,
    expected: /^ii {2}adduser .*apt 2\.6\..*Installed: 5\.2/s,
  },
];

/** A container's name and network decide these. */
const GIVEN = '/etc/(hosts|hostname|resolv.conf)';

/** What configuring all packages has made of the root: every file, and the contents of those that were written. */
export const ROOT: Program = {
  name: 'the configured root',
  script: `find / -xdev -path /packages -prune -o ! -type d -printf '%p %y %m %U:%G %s %l\\n' | grep -vE '^${GIVEN} ' | sort
find / -xdev -type d -printf '%p %m %U:%G\\n' | grep -vxE '/ .*|/(dev|proc|sys|packages) .*' | sort
find / -xdev -path /packages -prune -o -type f -newer /packages -print | grep -vE 'aux-cache|/log/|^${GIVEN}$' | sort | xargs -d '\\n' md5sum`,
  expected: /\/etc\/shadow f 640 0:42 .*\/var\/lib\/dpkg\/status\n/s,
};

/** Packages with maintainer scripts installed, used and removed. */
export const INSTALLING: Program = {
  name: 'dpkg -i and apt-get install',
  script: `cd /packages; dpkg -i less_*.deb; less --version | head -1; readlink /etc/alternatives/pager; dpkg -L less | grep bin/
apt-get install -qq -y ./hello_*.deb ./netcat-openbsd_*.deb ./libbsd0_*.deb; hello; update-alternatives --display nc
echo through | nc -N -l -p 7007 & until nc -d 127.0.0.1 7007; do sleep 0.2; done; wait
dpkg --purge less netcat-openbsd; apt-get remove -qq -y libbsd0; dpkg -r hello; dpkg --audit; dpkg -l | grep -c ^ii; readlink /etc/alternatives/pager`,
  expected: /Setting up less.*Hello, world!\n.*\nthrough\n.*Removing hello/s,
};
