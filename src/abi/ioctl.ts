// Requests of ioctl(2) that files of several kinds know (ioctl_list(2)).

/** How many bytes can be read now. */
export const FIONREAD = 0x541b;
