// What of the network can be set under /proc/sys/net, for each network namespace on its own (Documentation/networking/ip-sysctl.rst,
// Documentation/admin-guide/sysctl/net.rst).
import { SOMAXCONN } from '../../abi/socket.ts';

/** The values of a namespace. */
export class NetControls {
  /** Connections that wait to be accepted: core.somaxconn. */
  mostWaiting = SOMAXCONN;
  /** ipv4.ip_local_port_range: ports for sockets that do not ask for one. */
  firstPort = 32768;
  lastPort = 60999;
  /** Ports below are for the privileged: ipv4.ip_unprivileged_port_start. */
  firstUnprivileged = 1024;
  /** Datagrams that wait in a Unix socket: unix.max_dgram_qlen. */
  mostDatagrams = 512;
}
