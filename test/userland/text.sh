# Utilities for text. What is expected was printed by Debian's (coreutils, grep, sed, diffutils, findutils).
printf 'pear 3\napple 10\nfig 2\napple 10\nBanana 7\n' > fruit
printf 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n' > numbers

echo "== wc"; wc fruit numbers; wc -l < numbers; wc -c fruit; printf 'no newline' | wc
echo "== head"; head -n 2 numbers; head -c 5 numbers; head -n -5 numbers; head -2 fruit numbers
echo "== tail"; tail -n 2 numbers; tail -n +6 numbers; tail -c 4 numbers; printf 'a\nb' | tail -1
echo; echo "== grep"; grep p fruit; grep -n 'a.*e' fruit; grep -v apple fruit; grep -c apple fruit; grep -i banana fruit; echo $?
grep -E '^(pear|fig) [0-9]+$' fruit; grep -E 'p{2}' fruit; grep -o '[0-9]\+' fruit; grep -w '7' fruit; grep -x 'fig 2' fruit
grep nothing fruit; echo $?; grep -l two fruit numbers; grep -F '.*' fruit; echo $?; grep -e pear -e fig fruit; grep -q x nofile 2>/dev/null; echo $?
echo aXbXc | grep -E 'a(X)b\1c'; echo abcabc | grep -o '\(abc\)\1'; echo 'foobar' | grep -oE 'foo|foobar'; grep '[[:upper:]]' fruit
echo 'a.b' | grep 'a\.b'; echo 'a+b' | grep 'a+b'; echo 'aab' | grep -E '^a*b$'; printf 'x\n\ny\n' | grep -n '^$'
mkdir -p tree/sub; echo needle > tree/sub/file; echo needle2 > tree/top; grep -r needle tree | sort
echo "== sed"; sed -n 2p numbers; sed '3,5d' numbers; sed 's/e/E/' numbers | head -3; sed 's/e/E/2g' numbers | tail -2; sed -n '/two/,/four/p' numbers
sed '$!d' numbers; sed -n '$=' numbers; sed 's/\(.\)\(.*\)/\2\1/' numbers | head -2; sed -E 's/(t)(.*)/[\2\1]/' numbers | head -3; sed 's/o/&&/g' numbers | head -2
sed -e 1d -e '/six/!s/^/- /' numbers; sed '2q' numbers; sed 'y/abc/xyz/' fruit | head -2; printf 'a\nb\nc\n' | sed 'N;s/\n/+/'; printf 'a\nb\n' | sed 'a\
added'; sed '1i before' numbers | head -2; sed '2c changed' numbers | head -3; sed -n '/four/{p;q;}' numbers; sed 's,/,|,g' <<E
/usr/bin
E
printf '1\n2\n3\n' | sed -n '1!G;h;$p'; printf 'aaa\n' | sed ':x;s/a/b/;tx'; sed 's/x*/-/g' <<E
abc
E
sed -n '/one/,+1p' numbers; sed '0~3d' numbers; printf 'hello world\n' | sed 's/\bw/W/;s/o$/O/;s/l\{2\}/LL/'; sed -n 'l' <<E
tab	here \ back
E
cp numbers edited; sed -i 's/one/ONE/;2d' edited; cat edited; printf 'x' | sed 's/x/y/'; echo; sed = numbers | sed -n '1,4p'
echo "== sort"; sort fruit; sort -r numbers; sort -k2n fruit; sort -u fruit; sort -t ' ' -k 2,2nr -k1,1 fruit; sort -f fruit; printf '10\n9\n-1\n1.5\n1.25\n' | sort -n; sort -c fruit 2>/dev/null; echo $?; printf 'b,2\na,1\n' | sort -t, -k2
echo "== uniq"; sort fruit | uniq -c; sort fruit | uniq -d; sort fruit | uniq -u; printf 'a 1\nb 1\n' | uniq -f1
echo "== cut"; cut -d' ' -f2 fruit; cut -c1-3 fruit; cut -c2,4- fruit; echo a:b:c:d | cut -d: -f1,3-; echo nodelim | cut -d: -f2; echo nodelim | cut -s -d: -f2
echo "== tr"; echo hello | tr a-y b-z; echo 'a  b   c' | tr -s ' '; echo hello123 | tr -d 0-9; echo hello | tr '[:lower:]' '[:upper:]'; echo 'a b' | tr ' ' '\n'; echo abc | tr -c 'a\n' '-'; echo aabbcc | tr -s abc xyz
echo "== tee"; echo teed | tee copy1 copy2; cat copy1 copy2; echo more | tee -a copy1 > /dev/null; cat copy1
echo "== seq"; seq 3; seq 2 4; seq 10 -3 1; seq -s, 5; seq -w 8 11; seq 1 .5 2.5; seq 5 1
echo "== expr"; expr 2 + 3 \* 4; expr \( 2 + 3 \) \* 4; expr 7 / 2; expr 7 % 2; expr abc : 'a\(.\)c'; expr hello : 'hel'; expr 3 \< 10; expr a \< b; expr length hello; expr substr hello 2 3; expr index hello l; expr 0; echo $?; expr 1 = 2; echo $?; expr '' \| default
echo "== names"; basename /usr/lib/x.so; basename x.c .c; basename /; basename a/b/; dirname /usr/lib/x; dirname x; dirname /x; dirname a/b/; dirname //
echo "== yes"; yes | head -2; yes a b | head -1
echo "== od"; printf 'AB\nC\000' | od -c; printf 'ABCDEFGHIJKLMNOPQRST' | od -A d -t x1; printf 'AB' | od; printf '\001\002\003\004' | od -t x2; printf 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' | od -An -tx1; od -An -tx1 -j1 -N2 numbers
echo "== cmp"; cmp fruit fruit; echo $?; cmp fruit numbers; echo $?; printf 'ab' > short; printf 'abc' > long; cmp short long; echo $?; cmp -s short long; echo $?
echo "== diff"; sed 's/three/THREE/;6d;$a eight' numbers > other; diff numbers other; echo $?; diff -u numbers other | tail -n +3; diff numbers numbers; echo $?; diff -q numbers other; printf 'x' > nonl; printf 'x\n' > nl; diff nonl nl; mkdir -p d1 d2; echo 1 > d1/same; echo 1 > d2/same; echo 1 > d1/only; echo a > d1/diff; echo b > d2/diff; diff -r d1 d2; seq 100 > h1; sed '10d;50s/.*/fifty/;90a ninety and a half' h1 > h2; diff -U1 h1 h2 | tail -n +3
echo "== xargs"; printf 'a b\nc\n' | xargs echo; printf 'a b c\n' | xargs -n2 echo; printf 'x y\nz\n' | xargs -I{} echo '<{}>'; printf 'a\0b c\0' | xargs -0 -n1 echo; printf '"q r" s\n' | xargs -n1 echo; printf '' | xargs -r echo never; echo 1 | xargs false; echo $?; echo x | xargs nosuchprogram 2>/dev/null; echo $?
echo "== printf"; printf '%s %d %x %o %c %5s|%-5s|%05d|%+d\n' str 42 255 8 char ab cd 7 3; printf '%b\n' 'a\tb'; printf '%s\n' a b c; printf '%d %d\n' 1; printf '\101\n'; printf '%%\n'; printf '%.2s|%8.3s|\n' abc abcdef; printf "%d\n" "'A"; printf '%b' 'no newline\c ignored'; echo; printf '%i %u %X\n' -5 5 171; printf '%*d\n' 5 42
echo "== date"; date -u -d @0 +'%Y-%m-%d %H:%M:%S %a %b %j %e %y %p %I'; date -u -d '2024-02-29 12:34:56' +%s; date -u -d '2000-01-01' +'%A %B %U' | cut -d' ' -f1,2; date -u -d @1700000000 +'%F %T %D %R %u %w %C %h %n%t%%'
