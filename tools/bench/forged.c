/* Requests with forged loopback sources, for the rows "flood" and "stalled": nobody reads what comes back.
 *   forged PORT COUNT PER_SECOND NAME          COUNT read requests, each from another 127.x.y.z and port
 *   forged PORT COUNT PER_SECOND NAME stalled  the same, and an ACK of block 1 for each: the transfer lives and stands still
 * Needs a raw socket, thus root. Prints how many packets left.   gcc -O2 -Wall -o forged forged.c */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static int fd, port;
static long sent;

static void wait_until(const struct timespec *start, double seconds) {
  struct timespec at = *start;
  long ns = at.tv_nsec + (long)((seconds - (long)seconds) * 1e9);
  at.tv_sec += (long)seconds + ns / 1000000000;
  at.tv_nsec = ns % 1000000000;
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* Source i is always the same: 127.1.0.1 and on, ports from 1024 up. */
static void send_from(uint32_t i, const void *data, size_t length) {
  uint8_t packet[600] = { 0 };
  struct iphdr *ip = (void *)packet;
  struct udphdr *udp = (void *)(ip + 1);
  ip->version = 4, ip->ihl = 5, ip->ttl = 64, ip->protocol = IPPROTO_UDP;
  ip->tot_len = htons(sizeof *ip + sizeof *udp + length);
  ip->saddr = htonl(0x7f010001u + (i * 2654435761u % 0x00fe0000u));
  ip->daddr = htonl(INADDR_LOOPBACK);
  udp->source = htons(1024 + i * 40503u % 60000), udp->dest = htons(port); /* checksum 0: none, allowed on IPv4 */
  udp->len = htons(sizeof *udp + length);
  memcpy(udp + 1, data, length);
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = ip->daddr };
  if (sendto(fd, packet, ntohs(ip->tot_len), 0, (void *)&to, sizeof to) > 0) sent++;
}

static void send_all(long count, double rate, const void *data, size_t length) {
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (long i = 0; i < count; i++) {
    if (i % 20 == 0) wait_until(&start, i / rate); /* a millisecond's worth at 20,000 a second */
    send_from(i, data, length);
  }
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "usage: forged PORT COUNT PER_SECOND NAME [stalled]\n"), 2;
  port = atoi(argv[1]);
  if ((fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW)) < 0) return perror("raw socket"), 2;
  uint8_t request[300] = { 0, 1 };
  int length = 2 + snprintf((char *)request + 2, 200, "%s", argv[4]) + 1;
  memcpy(request + length, "octet", 6), length += 6;
  send_all(atol(argv[2]), atof(argv[3]), request, length);
  if (argc > 5) send_all(atol(argv[2]), atof(argv[3]), "\0\4\0\1", 4);
  printf("%ld\n", sent);
}
