// Keys and keyrings: keyrings(7), add_key(2), request_key(2), keyctl(2) and its man pages in section 3.
#include "case.h"

enum { THREAD = -1, PROCESS = -2, SESSION = -3, USER = -4, USER_SESSION = -5, GROUP = -6, REQKEY = -7 };
enum { GET_ID, JOIN, UPDATE, REVOKE, CHOWN, SETPERM, DESCRIBE, CLEAR, LINK, UNLINK, SEARCH, READ, INSTANTIATE, NEGATE, SET_REQKEY, TIMEOUT, ASSUME, SECURITY, TO_PARENT, REJECT, INSTANTIATE_IOV, INVALIDATE, PERSISTENT, RESTRICT = 29, MOVE, CAPABILITIES };

static char value[70000];

static long add(const char *type, const char *name, const char *data, int ring) { return SYS(add_key, type, name, data, data ? strlen(data) : 0, ring); }
static long ctl(int operation, long a, long b, long c, long d) { return SYS(keyctl, operation, a, b, c, d); }
#define CTL(operation, ...) ctl(operation, ARGUMENTS(__VA_ARGS__, 0, 0, 0, 0))
#define ARGUMENTS(a, b, c, d, ...) (long)(a), (long)(b), (long)(c), (long)(d)

/** Without the number, which is another every time. */
static void tell(long key) {
  long length = CTL(DESCRIBE, key, value, sizeof value);
  if (length < 0) say("key: %s\n", error_name(errno));
  else say("%ld %s\n", length, value);
}
static void contents(long key) {
  memset(value, 0, 100);
  long length = CTL(READ, key, value, 100);
  if (length < 0) say("contents: %s\n", error_name(errno));
  else say("%ld \"%s\"\n", length, value);
}
/** What nothing leads to any more is gone a little later. */
static void collected(void) { pause_ms(300); }
static int links(long ring) {
  long length = CTL(READ, ring, value, sizeof value);
  return length < 0 ? -1 : (int)length / 4;
}
static void session(void) { if (CTL(JOIN, 0) < 0) say("no session: %s\n", error_name(errno)); }
static void as(int id) { if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id)) say("cannot become somebody\n"); }
/** Somebody whom nobody was before. */
static void stranger(void) { as(1000000 + getpid()); }

CASE(add_and_read) { session(); long key = OK(add("user", "a:b", "secret", SESSION)); tell(key); contents(key); R(CTL(READ, key, 0, 0)); R(CTL(READ, key, value, 3)); R(CTL(DESCRIBE, key, 0, 0)); R(CTL(DESCRIBE, key, value, 4)); R(CTL(READ, key, 8, 100)); }
CASE(add_updates) { session(); long key = add("user", "a", "one", SESSION); say("%d\n", add("user", "a", "three", SESSION) == key); contents(key); say("%d\n", links(SESSION)); say("%d\n", add("user", "b", "x", SESSION) == key); say("%d\n", links(SESSION)); }
CASE(add_types) { session(); R(add("none", "a", "x", SESSION)); R(add("", "a", "x", SESSION)); R(add(".user", "a", "x", SESSION)); R(add("a type with far more than 32 letters", "a", "x", SESSION)); R(add("user", "", "x", SESSION)); R(add("user", NULL, "x", SESSION)); R(add("keyring", ".hidden", NULL, SESSION)); OK(add("user", ".hidden", "x", SESSION)); R(add(BAD, "a", "x", SESSION)); R(add("user", BAD, "x", SESSION)); }
CASE(add_payloads) { session(); R(SYS(add_key, "user", "a", "", 0, SESSION)); R(SYS(add_key, "user", "a", NULL, 3, SESSION)); R(SYS(add_key, "user", "a", BAD, 3, SESSION)); OK(SYS(add_key, "user", "a", value, 32767, SESSION)); R(SYS(add_key, "user", "a", value, 32768, SESSION)); R(SYS(add_key, "user", "a", value, 1 << 20, SESSION)); R(SYS(add_key, "keyring", "a", "x", 1, SESSION)); }
CASE(add_rings) { session(); R(add("user", "a", "x", 0)); R(add("user", "a", "x", 1)); R(add("user", "a", "x", GROUP)); R(add("user", "a", "x", REQKEY)); R(add("user", "a", "x", -8)); R(add("user", "a", "x", -9)); long key = add("user", "a", "x", SESSION); R(SYS(add_key, "user", "b", "x", 1, key)); }
CASE(logon) { session(); R(add("logon", "a", "x", SESSION)); R(add("logon", ":a", "x", SESSION)); long key = OK(add("logon", "fs:a", "x", SESSION)); tell(key); contents(key); R(CTL(UPDATE, key, "y", 1)); }
CASE(keyrings) { session(); long ring = OK(add("keyring", "ring", NULL, SESSION)); tell(ring); say("%d\n", links(ring)); long key = OK(add("user", "a", "x", ring)); say("%d\n", links(ring)); long other = add("keyring", "ring", NULL, SESSION); say("%d %d\n", other == ring, links(SESSION)); collected(); tell(ring); tell(key); }
CASE(own_keyrings) { session(); R(CTL(GET_ID, THREAD, 0)); R(CTL(GET_ID, PROCESS, 0)); OK(CTL(GET_ID, THREAD, 1)); OK(CTL(GET_ID, PROCESS, 1)); OK(CTL(GET_ID, THREAD, 0)); OK(CTL(GET_ID, SESSION, 0)); tell(THREAD); tell(PROCESS); tell(SESSION); R(CTL(GET_ID, 0, 1)); R(CTL(GET_ID, GROUP, 1)); R(CTL(GET_ID, REQKEY, 1)); }
CASE(user_keyrings) { stranger(); session(); OK(CTL(GET_ID, USER, 0)); OK(CTL(GET_ID, USER_SESSION, 0)); say("%d %d\n", links(USER), links(USER_SESSION)); OK(add("user", "a", "x", USER)); say("%d %d\n", links(USER), links(USER_SESSION)); R(CTL(SETPERM, USER, 0x3f3f3f3f)); CTL(DESCRIBE, USER, value, sizeof value); say("%s\n", strstr(value, ";3f") ? "all" : strstr(value, ";1f3f0000;_uid.") ? "as made" : value); }
CASE(sessions) { session(); long key = add("user", "a", "x", SESSION); long before = CTL(GET_ID, SESSION, 0); session(); say("%d\n", CTL(GET_ID, SESSION, 0) == before); say("%d\n", links(SESSION)); collected(); contents(key); R(CTL(LINK, key, SESSION)); }
CASE(named_sessions) { char name[40]; sprintf(name, "session-%d", getpid()); long one = OK(CTL(JOIN, name)); CTL(DESCRIBE, one, value, 100); say("%.21s %d\n", value, !strncmp(strrchr(value, ';') + 1, "session-", 8)); OK(CTL(JOIN, name)); add("user", "a", "x", SESSION); CHILD(session(); say("%d\n", links(SESSION)); OK(CTL(JOIN, name)); say("%d\n", links(SESSION))); CTL(SETPERM, one, 0x3f3f0000); CHILD(session(); say("%d\n", CTL(JOIN, name) == one); say("%d\n", links(SESSION))); R(CTL(JOIN, ".x")); R(CTL(JOIN, 8)); }
CASE(update) { session(); long key = add("user", "a", "one", SESSION); R(CTL(UPDATE, key, "three", 5)); contents(key); R(CTL(UPDATE, key, "", 0)); R(CTL(UPDATE, key, value, 4097)); R(CTL(UPDATE, key, 8, 5)); R(CTL(UPDATE, SESSION, "x", 1)); R(CTL(UPDATE, 1, "x", 1)); }
CASE(revoke) { session(); long key = add("user", "a", "one", SESSION); R(CTL(REVOKE, key)); contents(key); tell(key); R(CTL(REVOKE, key)); R(CTL(SEARCH, SESSION, "user", "a", 0)); R(CTL(UPDATE, key, "x", 1)); R(CTL(LINK, key, PROCESS)); say("%d\n", links(SESSION)); say("%d\n", add("user", "a", "new", SESSION) == key); collected(); R(CTL(UNLINK, key, SESSION)); }
CASE(revoke_keyring) { session(); long ring = add("keyring", "r", NULL, SESSION); long key = add("user", "a", "one", ring); R(CTL(REVOKE, ring)); say("%d\n", links(ring)); collected(); tell(key); R(add("user", "a", "one", ring)); R(CTL(UNLINK, ring, SESSION)); collected(); tell(ring); }
CASE(invalidate) { session(); long key = add("user", "a", "one", SESSION); R(CTL(INVALIDATE, key)); pause_ms(300); tell(key); R(CTL(SEARCH, SESSION, "user", "a", 0)); say("%d\n", links(SESSION)); }
CASE(timeouts) { session(); long key = add("user", "a", "one", SESSION); R(CTL(TIMEOUT, key, 1)); pause_ms(1200); contents(key); tell(key); R(CTL(SEARCH, SESSION, "user", "a", 0)); R(CTL(TIMEOUT, key, 0)); say("%d\n", links(SESSION)); say("%d\n", add("user", "a", "two", SESSION) == key); contents(key); }
CASE(timeout_cleared) { session(); long key = add("user", "a", "one", SESSION); R(CTL(TIMEOUT, key, 1)); R(CTL(TIMEOUT, key, 0)); pause_ms(1200); contents(key); R(CTL(TIMEOUT, 1, 0)); }
CASE(link_and_unlink) { session(); long ring = add("keyring", "r", NULL, SESSION), key = add("user", "a", "x", SESSION); R(CTL(LINK, key, ring)); say("%d\n", links(ring)); R(CTL(LINK, key, ring)); say("%d\n", links(ring)); R(CTL(UNLINK, key, SESSION)); tell(key); R(CTL(UNLINK, key, SESSION)); R(CTL(UNLINK, key, ring)); collected(); tell(key); R(CTL(UNLINK, key, ring)); R(CTL(LINK, ring, SESSION)); }
CASE(link_replaces) { session(); long a = add("user", "a", "one", SESSION), ring = add("keyring", "r", NULL, SESSION), b = add("user", "a", "two", ring); say("%d\n", a == b); R(CTL(LINK, b, SESSION)); collected(); tell(a); say("%d\n", links(SESSION)); }
CASE(link_to_itself) { session(); long a = add("keyring", "a", NULL, SESSION), b = add("keyring", "b", NULL, a); R(CTL(LINK, a, a)); R(CTL(LINK, a, b)); R(CTL(LINK, b, a)); R(CTL(LINK, b, SESSION)); long key = add("user", "k", "x", SESSION); R(CTL(LINK, a, key)); }
CASE(link_deep) { session(); long ring = add("keyring", "0", NULL, SESSION), top = ring; for (int n = 1; n < 9; n++) { char name[] = {'0' + n, 0}; ring = add("keyring", name, NULL, ring); if (ring < 0) say("%d %s\n", n, error_name(errno)); } OK(add("user", "deep", "x", ring)); R(CTL(SEARCH, SESSION, "user", "deep", 0) > 0); long other = add("keyring", "other", NULL, SESSION); R(CTL(LINK, top, other)); }
CASE(clear) { session(); long key = add("user", "a", "one", SESSION), ring = add("keyring", "r", NULL, SESSION); R(CTL(CLEAR, key)); R(CTL(CLEAR, SESSION)); say("%d\n", links(SESSION)); collected(); tell(key); tell(ring); }
CASE(search) { session(); long ring = add("keyring", "r", NULL, SESSION), inner = add("keyring", "i", NULL, ring), key = add("user", "a", "x", inner); say("%d\n", CTL(SEARCH, SESSION, "user", "a", 0) == key); say("%d\n", CTL(SEARCH, SESSION, "keyring", "i", 0) == inner); R(CTL(SEARCH, SESSION, "user", "b", 0)); R(CTL(SEARCH, SESSION, "logon", "a", 0)); R(CTL(SEARCH, SESSION, "none", "a", 0)); R(CTL(SEARCH, key, "user", "a", 0)); say("%d\n", CTL(SEARCH, SESSION, "user", "a", PROCESS) == key); say("%d\n", links(PROCESS)); R(CTL(SEARCH, SESSION, "user", "a", key)); say("%d\n", CTL(SEARCH, ring, "keyring", "r", 0) == ring); }
CASE(search_rights) { session(); long ring = add("keyring", "r", NULL, SESSION), key = add("user", "a", "x", ring); R(CTL(SETPERM, key, 0x373f0000)); R(CTL(SEARCH, SESSION, "user", "a", 0) > 0); R(CTL(SETPERM, key, 0x37010000)); R(CTL(SEARCH, SESSION, "user", "a", 0)); R(CTL(SETPERM, ring, 0x37370000)); R(CTL(SEARCH, SESSION, "user", "a", 0)); R(CTL(SEARCH, ring, "user", "a", 0)); }
CASE(request) { session(); long key = add("user", "a", "x", SESSION); say("%d\n", SYS(request_key, "user", "a", NULL, 0) == key); R(SYS(request_key, "user", "b", NULL, 0)); R(SYS(request_key, "none", "b", NULL, 0)); say("%d\n", SYS(request_key, "user", "a", NULL, THREAD) == key); say("%d\n", links(THREAD)); CTL(REVOKE, key); R(SYS(request_key, "user", "a", NULL, 0)); R(SYS(request_key, "user", "a", NULL, 99)); R(SYS(request_key, BAD, "a", NULL, 0)); }
CASE(request_order) { session(); long s = add("user", "a", "session", SESSION), p = add("user", "a", "process", PROCESS); say("%d\n", SYS(request_key, "user", "a", NULL, 0) == p); long t = add("user", "a", "thread", THREAD); say("%d\n", SYS(request_key, "user", "a", NULL, 0) == t); CTL(UNLINK, t, THREAD); CTL(UNLINK, p, PROCESS); say("%d\n", SYS(request_key, "user", "a", NULL, 0) == s); }
CASE(permissions) { session(); long key = add("user", "a", "x", SESSION); R(CTL(SETPERM, key, 0x40000000)); R(CTL(SETPERM, key, 0x3b010000)); contents(key); R(CTL(SETPERM, key, 0x31010000)); contents(key); R(CTL(UPDATE, key, "y", 1)); R(CTL(SETPERM, key, 0x20010000)); tell(key); contents(key); R(CTL(SETPERM, key, 0x01010000)); R(CTL(SETPERM, key, 0x3f010000)); R(CTL(REVOKE, key)); R(CTL(TIMEOUT, key, 9)); R(CTL(INVALIDATE, key)); R(CTL(LINK, key, PROCESS)); }
CASE(of_somebody_else) { session(); long key = add("user", "a", "x", SESSION), other = add("user", "b", "y", SESSION); CTL(SETPERM, other, 0x3f3f0003); long out = SYS(add_key, "keyring", "r", NULL, 0, PROCESS); CTL(SETPERM, out, 0x3f3f3f3f); CHILD(stranger(); contents(key); CTL(UPDATE, key, "z", 1); session(); tell(key); contents(key); tell(other); contents(other); R(CTL(UPDATE, other, "z", 1)); R(CTL(UNLINK, key, SESSION)); R(CTL(LINK, other, SESSION)); OK(add("user", "c", "z", out)); R(CTL(SETPERM, other, 0x3f3f3f3f))); say("%d\n", links(out)); contents(key); }
CASE(owners) { session(); long key = add("user", "a", "x", SESSION); R(CTL(CHOWN, key, -1, -1)); R(CTL(CHOWN, key, 5, 6)); tell(key); R(CTL(CHOWN, key, -1, 7)); tell(key); contents(key); CHILD(as(1000); session(); long own = add("user", "b", "x", SESSION); R(CTL(CHOWN, own, 1000, 1000)); R(CTL(CHOWN, own, 5, -1)); R(CTL(CHOWN, own, -1, 5)); R(CTL(CHOWN, key, 1000, -1))); }
CASE(group_rights) { session(); long key = add("user", "a", "x", SESSION); R(CTL(CHOWN, key, 0, 4400)); R(CTL(SETPERM, key, 0x3f010300)); CHILD(as(4400); session(); tell(key); contents(key); R(CTL(UPDATE, key, "y", 1))); CHILD(as(4401); session(); tell(key)); }
CASE(forked) { session(); long s = add("user", "s", "x", SESSION), p = add("user", "p", "x", PROCESS), t = add("user", "t", "x", THREAD); CHILD(contents(s); contents(p); contents(t); R(CTL(GET_ID, PROCESS, 0)); R(CTL(GET_ID, THREAD, 0)); OK(add("user", "new", "x", SESSION))); say("%d\n", links(SESSION)); contents(p); contents(t); }
CASE(ended) { session(); int tube[2]; pipe(tube); CHILD(long key = add("user", "p", "x", PROCESS); CTL(SETPERM, key, 0x3f3f3f3f); write(tube[1], &key, sizeof key)); long key; read(tube[0], &key, sizeof key); collected(); tell(key); }
CASE(users_change) { stranger(); long key = add("user", "t", "x", THREAD); contents(key); session(); contents(key); }
CASE(quota) { stranger(); session(); int count = 0; char name[20]; for (;; count++) { sprintf(name, "key %03d", count); if (add("user", name, "x", SESSION) < 0) break; } say("%d %s\n", count, error_name(errno)); CTL(CLEAR, SESSION); collected(); OK(add("user", "again", "x", SESSION)); }
CASE(quota_bytes) { stranger(); session(); OK(SYS(add_key, "user", "a", value, 19000, SESSION)); R(SYS(add_key, "user", "b", value, 2000, SESSION)); R(SYS(add_key, "user", "a", value, 20000, SESSION)); OK(SYS(add_key, "user", "a", value, 10, SESSION)); OK(SYS(add_key, "user", "b", value, 2000, SESSION)); }
CASE(moving) { session(); long a = add("keyring", "a", NULL, SESSION), b = add("keyring", "b", NULL, SESSION), key = add("user", "k", "x", a); R(CTL(MOVE, key, a, b, 0)); say("%d %d\n", links(a), links(b)); R(SYS(keyctl, MOVE, key, a, b, 0)); add("user", "k", "y", a); long other = CTL(SEARCH, a, "user", "k", 0); R(SYS(keyctl, MOVE, other, a, b, 1)); R(SYS(keyctl, MOVE, other, a, b, 2)); R(SYS(keyctl, MOVE, other, a, a, 0)); R(SYS(keyctl, MOVE, other, a, b, 0)); collected(); tell(key); say("%d %d\n", links(a), links(b)); R(SYS(keyctl, MOVE, other, other, b, 0)); }
CASE(restricted) { session(); long ring = add("keyring", "r", NULL, SESSION); R(CTL(RESTRICT, ring, "user", 0)); R(CTL(RESTRICT, ring, 0, 0)); R(add("user", "a", "x", ring)); R(CTL(RESTRICT, ring, 0, 0)); long key = add("user", "a", "x", SESSION); R(CTL(LINK, key, ring)); R(CTL(RESTRICT, key, 0, 0)); }
CASE(request_keyring) { session(); R(CTL(SET_REQKEY, -1)); R(CTL(SET_REQKEY, 3)); R(CTL(SET_REQKEY, -1)); CHILD(R(CTL(SET_REQKEY, -1))); R(CTL(SET_REQKEY, 6)); R(CTL(SET_REQKEY, 8)); R(CTL(SET_REQKEY, 1)); OK(CTL(GET_ID, THREAD, 0)); R(CTL(SET_REQKEY, 0)); }
CASE(not_authorized) { session(); R(CTL(INSTANTIATE, 5, "x", 1, SESSION)); R(CTL(NEGATE, 5, 1, SESSION)); R(CTL(REJECT, 5, 1, ENOKEY, SESSION)); R(CTL(ASSUME, 0)); R(CTL(ASSUME, -1)); R(CTL(ASSUME, 5)); }
CASE(security) { session(); R(CTL(SECURITY, SESSION, 0, 0)); value[0] = 'x'; R(CTL(SECURITY, SESSION, value, 9)); say("%d\n", value[0]); }
CASE(unknown) { R(CTL(99, 0)); R(CTL(-1, 0)); R(CTL(READ, 0, 0)); R(CTL(READ, 99, 0)); R(CTL(DESCRIBE, -99, 0)); R(CTL(UNLINK, 99, SESSION)); R(CTL(LINK, 99, SESSION)); R(CTL(INVALIDATE, 99)); R(CTL(REVOKE, 99)); R(CTL(CLEAR, 99)); R(CTL(SEARCH, 99, "user", "a", 0)); }
CASE(parents_session) { session(); long before = CTL(GET_ID, SESSION, 0); CHILD(session(); add("user", "a", "x", SESSION); R(CTL(TO_PARENT, 0))); getppid(); say("%d %d\n", CTL(GET_ID, SESSION, 0) == before, links(SESSION)); }
CASE(persistent) { stranger(); session(); long key = OK(CTL(PERSISTENT, -1, SESSION)); say("%d\n", links(SESSION)); CTL(DESCRIBE, key, value, 100); say("%s\n", strstr(value, ";1f030000;_persistent.") ? "as made" : value); say("%d\n", CTL(PERSISTENT, getuid(), SESSION) == key); R(CTL(PERSISTENT, 0, SESSION)); long other = add("user", "a", "x", SESSION); R(CTL(PERSISTENT, -1, other)); }
CASE(listed) { stranger(); session(); long key = add("user", "name", "four", SESSION); CTL(TIMEOUT, key, 1000); char wanted[20]; sprintf(wanted, "%08x", (int)key); FILE *file = fopen("/proc/keys", "r"); while (fgets(value, 200, file)) if (!strncmp(value, wanted, 8)) { char *at = strstr(value, "user"); say("%.10s%.18s %s", value + 8, value + 17, at); } fclose(file); }
CASE(listed_users) { stranger(); session(); add("user", "name", "four", SESSION); char wanted[20]; sprintf(wanted, "%5d:", getuid()); FILE *file = fopen("/proc/key-users", "r"); while (fgets(value, 200, file)) if (!strncmp(value, wanted, strlen(wanted))) say("%s", value + strlen(wanted) + 6); fclose(file); }
CASE(in_user_namespace) { session(); long key = add("user", "a", "x", SESSION); CHILD(unshare(CLONE_NEWUSER); contents(key); tell(key); session(); contents(key); tell(key); tell(USER)); }
CASE(names_in_user_namespace) { char name[40]; sprintf(name, "session-%d", getpid()); long one = CTL(JOIN, name); CTL(SETPERM, one, 0x3f3f3f3f); add("user", "a", "x", SESSION); CHILD(session(); unshare(CLONE_NEWUSER); say("%d\n", CTL(JOIN, name) == one); say("%d\n", links(SESSION))); }
CASE(others_do_not_speak_against) {
  OK(CTL(JOIN, NULL));
  int revoked = add("keyring", "revoked", NULL, THREAD), late = add("keyring", "late", NULL, THREAD);
  R(CTL(REVOKE, revoked));
  R(CTL(TIMEOUT, late, 1));
  pause_ms(1100);
  R(SYS(request_key, "keyring", "missing", NULL, 0));
  R(SYS(request_key, "keyring", "revoked", NULL, 0));
  R(SYS(request_key, "keyring", "late", NULL, 0));
  R(CTL(SEARCH, THREAD, "keyring", "missing", 0));
  R(CTL(SEARCH, THREAD, "keyring", "late", 0));
}
