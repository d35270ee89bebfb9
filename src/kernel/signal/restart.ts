// Results inside the kernel that signal delivery turns into a restart or EINTR; programs never see them
// (signal(7) "Interruption of system calls and library functions by signal handlers").

/** Restarted unless a handler without SA_RESTART ran. */
export const ERESTARTSYS = -512;
/** Restarted unless a handler ran. */
export const ERESTARTNOHAND = -514;
