/* LD_PRELOAD for peers that leave the kernel's default: every UDP socket gets 4 MiB of receive buffer at bind,
 * so that a comparison "with equal buffers" changes nothing else.   gcc -O2 -shared -fPIC -o receive-buffer.so */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *address, socklen_t length) {
  static int (*next)(int, const struct sockaddr *, socklen_t);
  int kind = 0, bytes = 4 << 20;
  socklen_t size = sizeof kind;
  if (!next) next = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
  if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) && kind == SOCK_DGRAM &&
      setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return next(fd, address, length);
}
