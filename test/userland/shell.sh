# The shell's language. What is expected was printed by Debian's dash.
echo "== words"
echo hello "a  b" 'c d' e\ f "a\$b\"d" 'single'"'"'quote' a#b #comment
echo "multi
line" joi\
ned
x=5; echo $x ${x} "${x}y" ${y:-def} ${y-} ${#x} ${x:+alt} ${nope:+alt}.
: ${made:=value}; echo $made ${made:=other}; empty=; echo "${empty:-null}" "${empty-unset}." "${empty+set}"
p=/usr/lib/foo.tar.gz; echo ${p##*/} ${p%.*} ${p%%.*} ${p#*/} "${p#"/usr"}"; star='*'; echo "${star#\*}." "${p%[g]z}"
echo "${nope:-a'b}" ${nope:-'q r'} "${nope:-"in quotes"}" ${nope:-$x} ${nope:-${x}}
w="  lead trail  "; echo $w. "$w".; for i in $w; do echo "<$i>"; done; for i in "$w"; do echo "<$i>"; done
set -- 1 "2 3" 4; for i in "$@"; do echo "[$i]"; done; for i in $@; do echo "($i)"; done; for i in $*; do echo "{$i}"; done; echo "$*" "$#" "$2"
IFS=,; echo "$*"; set -- $(echo 1,2,,3,); echo $#; IFS=': '; v='a : b::c '; for i in $v; do echo "<$i>"; done; unset IFS
set --; echo $# "$@" "${1-none}"; for i in "$@" "" ''; do echo "'$i'"; done; set -- a "" b; echo $#; shift 2; echo $1
e=; set -- $e; echo $#; set -- "$e"; echo $#; set -- $e"$e"; echo $#; set -- a$e b; echo $#
echo ~ ~/x "~" ~root; HOME=/home/me; echo ~; v=~/bin:~/lib; echo $v; set -- one two three four five six seven eight nine ten; echo ${10} $10
echo "== substitution"
echo $(echo a; echo b) "$(printf 'x\n\n')." `echo back \`echo nested\`` "$(echo "quoted $(echo "inner")")" "`echo \"in\"`"
echo $(case x in x) echo in case;; esac) "$(echo ')')" $( (echo sub) ) $(echo '#' not a comment) # a comment
y=$(false); echo $?; y=$(exit 3) ; echo $?; echo $(exit 4) $?
echo $((1+2*3)) $((x*2)) $(( (1<<4) | 1 )) $((5>3?10:20)) $((7%3)) $((-7/2)) $((0x1f)) $((010)) $((~0)) $((!5)) $((1&&0)) $((0||2)) $((3==3)) $((2!=2)) "$((1))"
i=5; : $((i+=2)); echo $i $((i=i*2)) $i $((i>>1)) $((i & 6 ^ 1)) $(($x+${i})) $((x)) $((nothing))
echo "== globs"
mkdir globs; cd globs; touch a1 a2 b1 .hid 'sp ace' '[x]'; echo *; echo a*; echo [ab]1; echo ?1; echo [!a]*; echo .h*; echo "*"; echo \*; echo nomatch*; echo '['x]; echo ./a*; echo ../globs/b?; mkdir d e; touch d/f e/f; echo */f; echo */; set -f; echo *; set +f; v='a*'; echo $v "$v"; cd ..
echo "== commands"
if [ $x -eq 5 ]; then echo five; elif true; then echo no; else echo other; fi; if false; then :; fi; echo $?; if false; then :; else echo else; fi
while [ $x -gt 3 ]; do x=$((x-1)); echo w$x; done; until [ $x -ge 5 ]; do x=$((x+1)); echo u$x; done
for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; echo l$i; done; while :; do while :; do break 2; done; done; echo out
for i in 1 2; do for j in a b; do [ $j = a ] && continue 2; echo never; done; done; echo $i$j; for f in; do echo never; done; echo $?
case abc in x|a*) echo match;; *) echo nomatch;; esac; case "a b" in "a b") echo q;; esac; case x in [a-w]) echo 1;; [!a-w]) echo 2;; esac; case '*' in \*) echo star;; esac; case a in (a) echo paren;; esac; case z in y) ;; esac; echo $?
f() { echo "f: $1 $# $@"; return 3; }; f a "b c"; echo $?; g() { local z=1; z=2; echo $z; }; z=0; g; echo $z; h() if true; then echo in if; fi; h; r() { [ $1 -le 1 ] && echo 1 && return; echo $(($1 * $(r $(($1 - 1))))); }; r 6
s() { shift; echo $1 $#; set -- new; echo $1; }; set -- keep me; s 1 2 3; echo $1
echo a b c | cat | cat; echo a | while read q; do echo "got $q"; done; { echo a; echo b; } | { read x; read y; echo $y$x; }; ! true; echo $?; ! false | false; echo $?; false | true; echo $?
(echo sub; exit 4); echo $?; x=outer; (x=inner; echo $x); echo $x; { x=group; }; echo $x; true && echo and || echo or; false && echo and || echo or; false || false || echo third
v=1 sh -c 'echo $v'; echo ${v-unset}; v=2; v=3 eval 'echo $v'; export v; sh -c 'echo $v'; unset v; echo ${v-gone}; a=1 b=2; echo $a$b; a=x b=$a; echo $b
nosuchcommand 2>/dev/null; echo $?; ./globs/a1 2>/dev/null; echo $?; sh -c 'exit 7'; echo $?; sh -c 'kill -9 $$' 2>/dev/null; echo $?; echo 'echo script $1 $0 | sed "s/ [^ ]*$//"' > script; chmod +x script; ./script arg; sh ./script two
sleep 0 & wait $!; echo w$?; sh -c 'exit 7' & wait $!; echo w$?; (exit 5) & (exit 6) & wait; echo $?; wait 99999; echo $?
sh -c 'echo $0 $1 $#' name one two; echo 'echo from stdin; cat' | sh 2>/dev/null; echo "echo \$1" | sh -s arg
echo "== redirections"
echo one > r1; echo two >> r1; cat < r1; echo err 2>&1 >/dev/null | cat; { echo out; echo err >&2; } > r2 2>&1; cat r2; cat < r1 > r3; cat r3; exec 3> r4; echo three >&3; exec 3>&-; cat r4; exec 4< r1; read l <&4; echo $l; read l <&4; echo $l; exec 4<&-; echo x 2>/dev/null 1>&2; : > r5; test -s r5; echo $?; cat <> r1; for i in 1 2; do echo $i; done > r6; cat r6; if true; then echo t; fi > r7; cat r7; set -C; echo no 2>/dev/null > r7 || echo kept; echo yes >| r7; set +C; cat r7; cat 2>/dev/null < missing || echo missing; f > r8 2>&1; cat r8
cat <<EOF; cat <<'EOF'; cat <<-EOF
here $x $(echo sub) \$x "quoted" `echo bq` $((1+1)) \\ 'single'
EOF
here $x \n
EOF
	tab $x
	EOF
cat <<EOF | sed 's/^/> /'; read a b <<E; echo "$a|$b"
${nope:-default} line
EOF
one two three
E
echo "$(cat <<E
in substitution
E
)"; while read n; do echo "n=$n"; done <<E
1
2
E
f2() { cat <<E
in function $1
E
}; f2 a; f2 b
echo "== builtins"
read a b c <<E
x  y z  w
E
echo "$a|$b|$c"; IFS=: read a b <<E
p:q:r
E
echo "$a|$b"; read -r a <<'E'
back\slash
E
echo "$a"; read a <<'E'
con\
tinued
E
echo "$a"; read a </dev/null; echo $?; printf 'no newline' | { read a; echo $? $a; }
eval 'y=7; echo $y'; eval echo '"$y"' \; echo two; echo 'DOT=dotted; return 4; DOT=no' > ./dot; . ./dot; echo $? $DOT
cd globs; pwd | sed 's/.*\///'; cd ..; cd - | sed 's/.*\///'; cd ..; cd nowhere 2>/dev/null; echo $?; umask 027; umask; umask u=rwx,g=rx,o=; umask; umask 022
command -v cd; command echo hi; command -v nosuch; echo $?; type cd > /dev/null; echo $?; echo() { command echo wrapped "$@"; }; echo x; unset -f echo; echo y
set -- -a -b value -c rest; while getopts ab:c o; do echo "$o=$OPTARG"; done; shift $((OPTIND-1)); echo $OPTIND $1; OPTIND=1; getopts :x: o -x; echo "$o" $OPTARG; OPTIND=1; getopts x o -y 2>/dev/null; echo "$o"
readonly RO=1; (RO=2) 2>/dev/null; echo $?; echo $RO; export EXP=yes; env | grep ^EXP; (set -e; false; echo not reached); echo $?; (set -e; false || true; ! true; if false; then :; fi; false && true; echo reached); (set -u; echo $undefined) 2>/dev/null; echo $?; (set -u; echo "${undefined-ok}" "$@"); (: ${undefined?message}) 2>&1 | sed 's/.*undefined/undefined/'; set -x; : traced "a" 2>&1; set +x
trap 'echo got usr1' USR1; kill -USR1 $$; trap - USR1; (trap 'echo exiting' EXIT; exit 3); echo $?; sh -c 'trap "echo end \$?" 0; false'; (trap '' TERM; kill $(sh -c 'echo $PPID'); echo survived); (trap 'echo in trap; exit 9' HUP; kill -HUP $(sh -c 'echo $PPID'); sleep 1); echo $?; trap 'echo x' INT; trap; trap - INT; sh -c 'sleep 5 & kill $!; wait $!; echo $?'
[ a = a ] && [ a != b ] && [ -n x ] && [ -z "" ] && [ 1 -lt 2 ] && [ ! -e nothing ] && [ \( a = a \) -a b ] && echo tests; [ "" ]; echo $?; [ a = b -o c = c ]; echo $?; [ -f ] && echo one argument; [ = = = ] && echo equals; test 1 -eq x 2>/dev/null; echo $?; [ ! ]; echo $?; [ ! x ]; echo $?
echo $- | tr -d s | wc -c; true; echo $?; kill -l 9; echo ${PPID:+parent}; sh -c 'echo $$ $PPID' | wc -w; (echo $BASHPID$$) | wc -w
sh -c 'echo a; )' 2>/dev/null; echo $?; sh -c 'if' 2>/dev/null; echo $?; sh -c "echo 'open" 2>/dev/null; echo $?; sh -n -c 'echo not run'; echo $?
sh -c 'ulimit -n 100; ulimit -n; ulimit -Hn; ulimit -Sn 50; ulimit -n; ulimit -Hn; ulimit -Sn 101 2>/dev/null; echo $?; ulimit -n x 2>/dev/null; echo $?; ulimit -f 10; ulimit; ulimit -Sc 7; ulimit -c; ulimit -a | sed -n "1p;2p;9p"; ulimit -aH | wc -l; ulimit -z 2>/dev/null; echo $?; ulimit -n 1 2 2>/dev/null; echo $?; type ulimit'
exec sh -c 'echo replaced; exit 5'
