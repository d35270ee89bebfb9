// System V IPC (semget(2), semop(2), msgget(2), shmget(2), …) and POSIX message queues (mq_overview(7)).
#include "case.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <linux/netlink.h>

static char buffer[16384];
struct message { long type; char text[64]; };
union semun { int val; struct semid_ds *buf; unsigned short *array; struct seminfo *info; };
#define NEW IPC_PRIVATE, 4096, 0600

ONE(semget_missing, semget(0x1234, 1, 0))
ONE(semget_no_semaphores, semget(IPC_PRIVATE, 0, 0600))
ONE(semget_too_many, semget(IPC_PRIVATE, 40000, 0600))
ONE(semget_negative, semget(IPC_PRIVATE, -1, 0600))
ONE(semop_bad_id, semop(123456, (struct sembuf[]){{0, 1, 0}}, 1))
ONE(semop_negative_id, semop(-1, (struct sembuf[]){{0, 1, 0}}, 1))
ONE(semctl_bad_id, semctl(123456, 0, GETVAL))
ONE(msgget_missing, msgget(0x1234, 0))
ONE(msgsnd_bad_id, msgsnd(123456, &(struct message){1, "x"}, 1, 0))
ONE(msgrcv_bad_id, msgrcv(123456, buffer, 10, 0, 0))
ONE(msgctl_bad_id, msgctl(123456, IPC_RMID, NULL))
ONE(shmget_missing, shmget(0x1234, 4096, 0))
ONE(shmget_zero, shmget(IPC_PRIVATE, 0, 0600))
ONE(shmat_bad_id, shmat(123456, NULL, 0))
ONE(shmdt_bad_address, shmdt((void *)0x10000))
ONE(shmdt_unaligned, shmdt((void *)0x10001))
ONE(shmctl_bad_id, shmctl(123456, IPC_RMID, NULL))
ONE(shmctl_bad_operation, shmctl(0, 999, NULL))
ONE(mq_open_missing, mq_open("/missing", O_RDONLY))
ONE(mq_open_bad_name, SYS(mq_open, "a/b", O_CREAT | O_RDWR, 0600, NULL))
ONE(mq_open_empty_name, SYS(mq_open, "", O_CREAT | O_RDWR, 0600, NULL))
ONE(mq_unlink_missing, mq_unlink("/missing"))
ONE(mq_send_bad_descriptor, mq_send(77, "x", 1, 0))
ONE(mq_send_not_a_queue, SYS(mq_timedsend, 1, "x", 1, 0, NULL))
ONE(mq_notify_bad, mq_notify(77, NULL))
ONE(mq_attributes_bad, SYS(mq_getsetattr, 77, NULL, buffer))

CASE(semget_exists) { R(semget(0x77, 2, IPC_CREAT | IPC_EXCL | 0600) >= 0); R(semget(0x77, 2, IPC_CREAT | IPC_EXCL | 0600)); R(semget(0x77, 3, 0)); R(semget(0x77, 2, 0) >= 0); R(semget(0x77, 0, 0) >= 0); }
CASE(sem_values) { int id = semget(IPC_PRIVATE, 3, 0600); R(semctl(id, 1, SETVAL, 5)); R(semctl(id, 1, GETVAL)); R(semctl(id, 3, GETVAL)); R(semctl(id, -1, GETVAL)); R(semctl(id, 1, SETVAL, 40000)); R(semctl(id, 1, SETVAL, -1)); R(semctl(id, 0, 999)); unsigned short all[3] = {7, 8, 9}; R(semctl(id, 0, SETALL, all)); memset(all, 0, 6); R(semctl(id, 0, GETALL, all)); say("%d %d %d\n", all[0], all[1], all[2]); all[0] = 40000; R(semctl(id, 0, SETALL, all)); }
CASE(sem_operations) { int id = semget(IPC_PRIVATE, 2, 0600); R(semop(id, (struct sembuf[]){{0, 3, 0}, {1, 1, 0}}, 2)); R(semop(id, (struct sembuf[]){{0, -2, 0}}, 1)); R(semctl(id, 0, GETVAL)); R(semop(id, (struct sembuf[]){{0, -2, IPC_NOWAIT}}, 1)); R(semop(id, (struct sembuf[]){{0, 0, IPC_NOWAIT}}, 1)); R(semop(id, (struct sembuf[]){{2, 1, 0}}, 1)); R(semop(id, NULL, 0)); R(semop(id, (void *)BAD, 1)); R(semop(id, (void *)buffer, 501)); R(semop(id, (struct sembuf[]){{0, 32767, 0}}, 1)); say("%d\n", semctl(id, 0, GETPID) == getpid()); }
CASE(sem_atomic) { int id = semget(IPC_PRIVATE, 2, 0600); R(semop(id, (struct sembuf[]){{0, 1, 0}, {1, -1, IPC_NOWAIT}}, 2)); R(semctl(id, 0, GETVAL)); R(semop(id, (struct sembuf[]){{0, 1, 0}, {0, -1, 0}, {0, 0, 0}}, 3)); }
CASE(sem_wakes) { int id = semget(IPC_PRIVATE, 1, 0600); pid_t child = fork(); if (!child) { R(semop(id, (struct sembuf[]){{0, -1, 0}}, 1)); _exit(0); } pause_ms(5); R(semctl(id, 0, GETNCNT)); semop(id, (struct sembuf[]){{0, 1, 0}}, 1); reap(child); R(semctl(id, 0, GETVAL)); }
CASE(sem_zero_wait) { int id = semget(IPC_PRIVATE, 1, 0600); semctl(id, 0, SETVAL, 1); pid_t child = fork(); if (!child) { R(semop(id, (struct sembuf[]){{0, 0, 0}}, 1)); _exit(0); } pause_ms(5); R(semctl(id, 0, GETZCNT)); R(semctl(id, 0, GETNCNT)); semop(id, (struct sembuf[]){{0, -1, 0}}, 1); reap(child); }
CASE(sem_removed_while_waiting) { int id = semget(IPC_PRIVATE, 1, 0600); pid_t child = fork(); if (!child) { R(semop(id, (struct sembuf[]){{0, -1, 0}}, 1)); _exit(0); } pause_ms(5); semctl(id, 0, IPC_RMID); reap(child); R(semctl(id, 0, GETVAL)); }
CASE(sem_undo) { int id = semget(IPC_PRIVATE, 1, 0600); semctl(id, 0, SETVAL, 5); CHILD({ R(semop(id, (struct sembuf[]){{0, -2, SEM_UNDO}}, 1)); R(semctl(id, 0, GETVAL)); }); R(semctl(id, 0, GETVAL)); CHILD({ semop(id, (struct sembuf[]){{0, 3, SEM_UNDO}}, 1); semctl(id, 0, SETVAL, 1); }); R(semctl(id, 0, GETVAL)); }
CASE(sem_timeout) { int id = semget(IPC_PRIVATE, 1, 0600); R(semtimedop(id, (struct sembuf[]){{0, -1, 0}}, 1, &(struct timespec){0, 1000000})); R(semtimedop(id, (struct sembuf[]){{0, -1, 0}}, 1, &(struct timespec){0, 2000000000})); R(semtimedop(id, (struct sembuf[]){{0, -1, 0}}, 1, &(struct timespec){-1, 0})); }
CASE(sem_interrupted) { int id = semget(IPC_PRIVATE, 1, 0600); struct sigaction action = {.sa_handler = (void (*)(int))exit, .sa_flags = SA_RESTART}; void nothing(int); pid_t child = fork(); if (!child) { signal(SIGUSR1, SIG_DFL); R(semop(id, (struct sembuf[]){{0, -1, 0}}, 1)); _exit(0); } pause_ms(5); kill(child, SIGUSR1); reap(child); R(semctl(id, 0, GETNCNT)); }
CASE(sem_status) { int id = semget(0x99, 4, IPC_CREAT | 0640); struct semid_ds ds; union semun un = {.buf = &ds}; R(semctl(id, 0, IPC_STAT, un)); say("%#x %o %d %d %ld\n", ds.sem_perm.__key, ds.sem_perm.mode, ds.sem_perm.uid, ds.sem_perm.cuid, (long)ds.sem_nsems); say("%ld %d\n", (long)ds.sem_otime, ds.sem_ctime > 0); ds.sem_perm.mode = 0600; ds.sem_perm.uid = 5; R(semctl(id, 0, IPC_SET, un)); semctl(id, 0, IPC_STAT, un); say("%o %d\n", ds.sem_perm.mode, ds.sem_perm.uid); }
CASE(sem_denied) { int id = semget(IPC_PRIVATE, 1, 0600); unprivileged(); R(semop(id, (struct sembuf[]){{0, 1, 0}}, 1)); R(semctl(id, 0, GETVAL)); R(semctl(id, 0, IPC_RMID)); struct semid_ds ds; union semun un = {.buf = &ds}; R(semctl(id, 0, IPC_STAT, un)); }
CASE(sem_get_denied) { semget(0x55, 1, IPC_CREAT | 0600); unprivileged(); R(semget(0x55, 1, 0600)); R(semget(0x55, 1, 0) >= 0); }
CASE(sem_info) { struct seminfo info; union semun un = {.info = &info}; R(semctl(0, 0, IPC_INFO, un)); say("%d %d %d\n", info.semmsl, info.semopm, info.semvmx); }

CASE(msg_order) { int id = msgget(IPC_PRIVATE, 0600); for (int n = 0; n < 3; n++) { struct message m = {n + 1}; sprintf(m.text, "m%d", n); R(msgsnd(id, &m, 3, 0)); } struct message m; R(msgrcv(id, &m, 64, 2, 0)); say("%ld %s\n", m.type, m.text); R(msgrcv(id, &m, 64, 0, 0)); say("%ld %s\n", m.type, m.text); R(msgrcv(id, &m, 64, -5, 0)); say("%ld %s\n", m.type, m.text); R(msgrcv(id, &m, 64, 0, IPC_NOWAIT)); }
CASE(msg_lowest_type) { int id = msgget(IPC_PRIVATE, 0600); msgsnd(id, &(struct message){5, "five"}, 5, 0); msgsnd(id, &(struct message){3, "three"}, 6, 0); msgsnd(id, &(struct message){4, "four"}, 5, 0); struct message m; R(msgrcv(id, &m, 64, -4, 0)); say("%s\n", m.text); R(msgrcv(id, &m, 64, -2, IPC_NOWAIT)); R(msgrcv(id, &m, 64, 5, MSG_EXCEPT)); say("%s\n", m.text); }
CASE(msg_bad_type) { int id = msgget(IPC_PRIVATE, 0600); R(msgsnd(id, &(struct message){0, "x"}, 1, 0)); R(msgsnd(id, &(struct message){-1, "x"}, 1, 0)); }
CASE(msg_sizes) { int id = msgget(IPC_PRIVATE, 0600); R(msgsnd(id, &(struct message){1, ""}, 0, 0)); *(long *)buffer = 1; R(msgsnd(id, buffer, 8192, 0)); R(msgsnd(id, buffer, 8193, 0)); R(msgsnd(id, buffer, -1, 0)); R(msgsnd(id, BAD, 1, 0)); }
CASE(msg_too_big) { int id = msgget(IPC_PRIVATE, 0600); msgsnd(id, &(struct message){1, "hello"}, 5, 0); struct message m = {0}; R(msgrcv(id, &m, 2, 0, 0)); R(msgrcv(id, &m, 2, 0, MSG_NOERROR)); say("%.5s\n", m.text); R(msgrcv(id, &m, 2, 0, IPC_NOWAIT)); }
CASE(msg_full) { int id = msgget(IPC_PRIVATE, 0600); *(long *)buffer = 1; R(msgsnd(id, buffer, 8192, IPC_NOWAIT)); R(msgsnd(id, buffer, 8192, IPC_NOWAIT)); R(msgsnd(id, buffer, 1, IPC_NOWAIT)); R(msgsnd(id, buffer, 0, IPC_NOWAIT)); }
CASE(msg_blocks) { int id = msgget(IPC_PRIVATE, 0600); pid_t child = fork(); if (!child) { struct message m; R(msgrcv(id, &m, 64, 7, 0)); say("%s\n", m.text); _exit(0); } pause_ms(3); msgsnd(id, &(struct message){6, "six"}, 4, 0); msgsnd(id, &(struct message){7, "seven"}, 6, 0); reap(child); }
CASE(msg_removed) { int id = msgget(IPC_PRIVATE, 0600); pid_t child = fork(); if (!child) { R(msgrcv(id, buffer, 64, 0, 0)); _exit(0); } pause_ms(3); msgctl(id, IPC_RMID, NULL); reap(child); R(msgctl(id, IPC_RMID, NULL)); }
CASE(msg_status) { int id = msgget(0x66, IPC_CREAT | 0644); msgsnd(id, &(struct message){1, "abc"}, 3, 0); struct msqid_ds ds; R(msgctl(id, IPC_STAT, &ds)); say("%ld %ld %ld %d %d\n", (long)ds.msg_qnum, (long)ds.__msg_cbytes, (long)ds.msg_qbytes, ds.msg_lspid == getpid(), ds.msg_lrpid); ds.msg_qbytes = 10; R(msgctl(id, IPC_SET, &ds)); R(msgsnd(id, &(struct message){1, "too long"}, 8, IPC_NOWAIT)); unprivileged(); R(msgctl(id, IPC_SET, &ds)); R(msgrcv(id, buffer, 10, 0, IPC_NOWAIT)); R(msgsnd(id, &(struct message){1, "x"}, 1, IPC_NOWAIT)); }
CASE(msg_copy) { int id = msgget(IPC_PRIVATE, 0600); msgsnd(id, &(struct message){1, "abc"}, 4, 0); struct message m; R(msgrcv(id, &m, 64, 0, MSG_COPY)); }

CASE(shm_shared) { int id = shmget(NEW); char *p = shmat(id, NULL, 0); strcpy(p, "parent"); CHILD({ say("%s\n", p); strcpy(p, "child"); }); say("%s\n", p); R(shmdt(p)); R(shmctl(id, IPC_RMID, NULL)); }
CASE(shm_twice) { int id = shmget(NEW); char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY); p[0] = 'x'; say("%c %d\n", q[0], p != q); struct shmid_ds ds; shmctl(id, IPC_STAT, &ds); say("%d\n", (int)ds.shm_nattch); }
CASE(shm_keeps_its_contents) { int id = shmget(NEW); char *p = shmat(id, NULL, 0); strcpy(p, "kept"); R(shmdt(p)); char *q = shmat(id, p, 0); say("%d %s\n", q == p, q); CHILD(strcpy(q, "changed")); say("%s\n", q); R(shmctl(id, IPC_RMID, NULL)); say("%s\n", q); R(shmdt(q)); OK(shmat(id, NULL, 0)); }
CASE(shm_read_only_faults) { int id = shmget(NEW); char *p = shmat(id, NULL, SHM_RDONLY); say("mapped\n"); p[0] = 1; }
CASE(shm_sizes) { R(shmget(0x31, 100, IPC_CREAT | 0600) >= 0); R(shmget(0x31, 200, 0)); R(shmget(0x31, 50, 0) >= 0); R(shmget(0x31, 50, IPC_CREAT | IPC_EXCL)); struct shmid_ds ds; shmctl(shmget(0x31, 0, 0), IPC_STAT, &ds); say("%d %o\n", (int)ds.shm_segsz, ds.shm_perm.mode); }
CASE(shm_address) { int id = shmget(NEW); char *hole = mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); R(shmat(id, hole, 0)); R(shmat(id, hole + 1, 0)); munmap(hole, 16384); say("%d\n", shmat(id, hole, 0) == hole); say("%d\n", shmat(id, hole + 4096 + 5, SHM_RND) == hole + 4096); say("%d\n", shmat(id, hole, SHM_REMAP) == hole); R(shmat(id, NULL, SHM_REMAP)); }
CASE(shm_destroyed_later) { int id = shmget(0x41, 4096, IPC_CREAT | 0600); char *p = shmat(id, NULL, 0); R(shmctl(id, IPC_RMID, NULL)); p[0] = 'x'; struct shmid_ds ds; R(shmctl(id, IPC_STAT, &ds)); say("%o %d\n", ds.shm_perm.mode, (int)ds.shm_nattch); R(shmget(0x41, 4096, 0)); R(shmdt(p)); R(shmctl(id, IPC_STAT, &ds)); }
CASE(shm_detached_by_unmap) { int id = shmget(NEW); char *p = shmat(id, NULL, 0); munmap(p, 4096); struct shmid_ds ds; shmctl(id, IPC_STAT, &ds); say("%d\n", (int)ds.shm_nattch); R(shmdt(p)); }
CASE(shm_counts_forks) { int id = shmget(NEW); shmat(id, NULL, 0); CHILD({ struct shmid_ds ds; shmctl(id, IPC_STAT, &ds); say("%d\n", (int)ds.shm_nattch); }); struct shmid_ds ds; shmctl(id, IPC_STAT, &ds); say("%d\n", (int)ds.shm_nattch); }
CASE(shm_denied) { int id = shmget(NEW); int open_ = shmget(IPC_PRIVATE, 4096, 0644); unprivileged(); R(shmat(id, NULL, 0)); R(shmat(open_, NULL, 0)); say("%d\n", shmat(open_, NULL, SHM_RDONLY) != (void *)-1); R(shmctl(open_, IPC_RMID, NULL)); R(shmctl(id, SHM_LOCK, NULL)); }
CASE(shm_info) { struct shminfo info; R(shmctl(0, IPC_INFO, (void *)&info)); say("%d %d\n", (int)info.shmmin, (int)info.shmmni); }

CASE(mq_basic) { mqd_t q = mq_open("/q", O_CREAT | O_RDWR, 0600, NULL); R(q); R(fcntl(q, F_GETFD)); R(mq_send(q, "low", 3, 1)); R(mq_send(q, "high", 4, 9)); R(mq_send(q, "low2", 4, 1)); unsigned prio; R(mq_receive(q, buffer, 8192, &prio)); say("%.4s %u\n", buffer, prio); mq_receive(q, buffer, 8192, &prio); say("%.3s %u\n", buffer, prio); struct mq_attr a; R(mq_getattr(q, &a)); say("%ld %ld %ld %ld\n", a.mq_flags, a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs); R(mq_unlink("/q")); R(mq_unlink("/q")); }
CASE(mq_exists) { mqd_t q = mq_open("/q", O_CREAT | O_EXCL | O_RDWR, 0600, NULL); R(mq_open("/q", O_CREAT | O_EXCL | O_RDWR, 0600, NULL)); R(mq_open("/q", O_RDONLY)); mq_unlink("/q"); R(mq_open("/q", O_RDONLY)); }
CASE(mq_attributes) { R(mq_open("/q", O_CREAT | O_RDWR, 0600, &(struct mq_attr){0, 0, 10})); R(mq_open("/q", O_CREAT | O_RDWR, 0600, &(struct mq_attr){0, 2, 0})); unprivileged(); R(mq_open("/q", O_CREAT | O_RDWR, 0600, &(struct mq_attr){0, 11, 10})); R(mq_open("/q", O_CREAT | O_RDWR, 0600, &(struct mq_attr){0, 2, 8193})); mqd_t q = R(mq_open("/q", O_CREAT | O_RDWR, 0600, &(struct mq_attr){0, 2, 10})); struct mq_attr a; mq_getattr(q, &a); say("%ld %ld\n", a.mq_maxmsg, a.mq_msgsize); mq_unlink("/q"); }
CASE(mq_sizes) { mqd_t q = mq_open("/q", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &(struct mq_attr){0, 2, 10}); R(mq_send(q, buffer, 11, 0)); R(mq_send(q, buffer, 10, 0)); R(mq_send(q, buffer, 0, 0)); R(mq_send(q, buffer, 1, 0)); R(mq_receive(q, buffer, 9, NULL)); R(mq_receive(q, buffer, 10, NULL)); R(mq_receive(q, buffer, 10, NULL)); R(mq_receive(q, buffer, 10, NULL)); R(mq_send(q, buffer, 1, 32768)); R(mq_send(q, buffer, 1, 32767)); mq_unlink("/q"); }
CASE(mq_access) { mqd_t r = mq_open("/q", O_CREAT | O_RDONLY, 0600, NULL), w = mq_open("/q", O_WRONLY); R(mq_send(r, "x", 1, 0)); R(mq_receive(w, buffer, 8192, NULL)); unprivileged(); R(mq_open("/q", O_RDONLY)); R(mq_unlink("/q")); }
CASE(mq_timeout) { mqd_t q = mq_open("/q", O_CREAT | O_RDWR, 0600, NULL); struct timespec past = {1, 0}, bad = {1, 2000000000}; R(mq_timedreceive(q, buffer, 8192, NULL, &past)); R(mq_timedreceive(q, buffer, 8192, NULL, &bad)); mq_send(q, "x", 1, 0); R(mq_timedreceive(q, buffer, 8192, NULL, &past)); mq_unlink("/q"); }
CASE(mq_blocks) { mqd_t q = mq_open("/q", O_CREAT | O_RDWR, 0600, NULL); pid_t child = fork(); if (!child) { R(mq_receive(q, buffer, 8192, NULL)); _exit(0); } pause_ms(3); mq_send(q, "abc", 3, 0); reap(child); mq_unlink("/q"); }
CASE(mq_set_nonblocking) { mqd_t q = mq_open("/q", O_CREAT | O_RDWR, 0600, NULL); struct mq_attr old; R(mq_setattr(q, &(struct mq_attr){O_NONBLOCK}, &old)); say("%ld\n", old.mq_flags); R(mq_receive(q, buffer, 8192, NULL)); R(mq_setattr(q, &(struct mq_attr){O_APPEND}, NULL)); mq_unlink("/q"); }
static void told(int signal, siginfo_t *info, void *context) { say("signal code %d value %d\n", info->si_code, info->si_value.sival_int); }
CASE(mq_notification) { struct sigaction action = {.sa_sigaction = told, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &action, NULL); mqd_t q = mq_open("/q", O_CREAT | O_RDWR, 0600, NULL); struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42}; R(mq_notify(q, &event)); R(mq_notify(q, &event)); mq_send(q, "x", 1, 0); mq_send(q, "y", 1, 0); R(mq_notify(q, &event)); R(mq_notify(q, NULL)); event.sigev_notify = 99; R(mq_notify(q, &event)); mq_unlink("/q"); }
CASE(mq_poll) { mqd_t q = mq_open("/q", O_CREAT | O_RDWR, 0600, &(struct mq_attr){0, 1, 10}); struct pollfd p = {q, POLLIN | POLLOUT, 0}; poll(&p, 1, 0); say("%#x\n", p.revents); mq_send(q, "x", 1, 0); poll(&p, 1, 0); say("%#x\n", p.revents); mq_unlink("/q"); }
CASE(mq_survives_unlink) { mqd_t q = mq_open("/q", O_CREAT | O_RDWR, 0600, NULL); mq_unlink("/q"); R(mq_send(q, "x", 1, 0)); R(mq_receive(q, buffer, 8192, NULL)); }
CASE(mq_read_write) { mqd_t q = mq_open("/q", O_CREAT | O_RDWR, 0600, NULL); mq_unlink("/q"); R(write(q, "x", 1)); R(lseek(q, 0, SEEK_SET)); }
static void cookie_comes(int fd) { unsigned char got[40]; int length = recv(fd, got, sizeof got, MSG_DONTWAIT); say("%d", length); if (length == 32) say(" %.5s %d", got, got[31]); say("\n"); }
CASE(mq_notify_by_netlink) {
  char cookie[32] = "bread";
  int fd = socket(AF_NETLINK, SOCK_RAW, 0);
  struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_signo = fd, .sigev_value.sival_ptr = cookie};
  struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 4};
  mqd_t queue = mq_open("/cookie", O_RDWR | O_CREAT, 0600, &attributes);
  mq_unlink("/cookie");
  R(SYS(mq_notify, queue, &event));
  R(SYS(mq_notify, queue, &event));
  R(SYS(mq_notify, queue, NULL));
  cookie_comes(fd);
  R(SYS(mq_notify, queue, &event));
  mq_send(queue, "a", 1, 0);
  cookie_comes(fd);
  mq_send(queue, "b", 1, 0);
  cookie_comes(fd);
  event.sigev_signo = 77;
  R(SYS(mq_notify, queue, &event));
  event.sigev_signo = 0;
  R(SYS(mq_notify, queue, &event));
  event.sigev_signo = socket(AF_UNIX, SOCK_STREAM, 0);
  R(SYS(mq_notify, queue, &event));
  event.sigev_value.sival_ptr = BAD;
  R(SYS(mq_notify, queue, &event));
}

CASE(proc_msg) { int id = msgget(0x1231, IPC_CREAT | 0640); msgsnd(id, &(struct message){1, "abc"}, 3, 0); struct msqid_ds ds; msgctl(id, IPC_STAT, &ds); ds.msg_perm.uid = 7; msgctl(id, IPC_SET, &ds); FILE *f = fopen("/proc/sysvipc/msg", "r"); char line[400]; while (fgets(line, sizeof line, f)) { long key; int got, perms, uid, gid, lspid, lrpid; unsigned long bytes, count; if (strstr(line, "perms")) say("%s", line); else if (sscanf(line, "%ld %d %o %lu %lu %d %d %d %d", &key, &got, &perms, &bytes, &count, &lspid, &lrpid, &uid, &gid) == 9 && got == id) say("%#lx %o %lu %lu %d %d %d %d %zu\n", key, perms, bytes, count, lspid == getpid(), lrpid, uid, gid, strlen(line)); } }
CASE(proc_sem) { int id = semget(0x1232, 3, IPC_CREAT | 0604); FILE *f = fopen("/proc/sysvipc/sem", "r"); char line[400]; while (fgets(line, sizeof line, f)) { long key, changed; int got, perms, count, uid, gid, cuid, cgid, operated; if (strstr(line, "perms")) say("%s", line); else if (sscanf(line, "%ld %d %o %d %d %d %d %d %d %ld", &key, &got, &perms, &count, &uid, &gid, &cuid, &cgid, &operated, &changed) == 10 && got == id) say("%#lx %o %d %d %d %d %d %d %d %zu\n", key, perms, count, uid, gid, cuid, cgid, operated, changed > 0, strlen(line)); } semctl(id, 0, IPC_RMID); }
CASE(proc_shm) { int id = shmget(0x1233, 5000, IPC_CREAT | 0606); char *at = shmat(id, 0, 0); at[0] = 1; shmctl(id, IPC_RMID, 0); FILE *f = fopen("/proc/sysvipc/shm", "r"); char line[400]; while (fgets(line, sizeof line, f)) { long key, size, attached; int got, perms, cpid, lpid, count; if (strstr(line, "perms")) say("%s", line); else if (sscanf(line, "%ld %d %o %ld %d %d %d", &key, &got, &perms, &size, &cpid, &lpid, &count) == 7 && got == id) { long swap, resident; char *end = strrchr(line, ' '); swap = atol(end); while (*end == ' ') *end-- = 0; resident = atol(strrchr(line, ' ')); say("%#lx %o %ld %d %d %d %ld %ld\n", key, perms, size, cpid == getpid(), lpid == getpid(), count, resident, swap); } } }
CASE(next_identifiers) { if (unshare(CLONE_NEWIPC)) say("no namespace\n"); show("/proc/sys/kernel/sem_next_id"); int fd = open("/proc/sys/kernel/msg_next_id", O_WRONLY); R(write(fd, "98765", 5)); close(fd); show("/proc/sys/kernel/msg_next_id"); R(msgget(1, IPC_CREAT | 0600)); show("/proc/sys/kernel/msg_next_id"); fd = open("/proc/sys/kernel/msg_next_id", O_WRONLY); R(write(fd, "-2", 2)); R(write(fd, "98765", 5)); close(fd); R(msgget(2, IPC_CREAT | 0600)); fd = open("/proc/sys/kernel/shm_next_id", O_WRONLY); R(write(fd, "40000", 5)); close(fd); R(shmget(3, 4096, IPC_CREAT | 0600)); struct stat status; stat("/proc/sys/kernel/shm_next_id", &status); say("%o\n", status.st_mode); unprivileged(); R(open("/proc/sys/kernel/shm_next_id", O_WRONLY)); }
