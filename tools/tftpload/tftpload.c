/* tftpload - small TFTP read load generator (RFC 1350/2347/2348/2349/7440).
 * gcc -O2 -Wall -o tftpload tftpload.c
 * Closed loop: C slots, each with one UDP socket, N transfers in total.
 * A slot plays one phone: it takes the next number of the range and fetches every -f file in the order given
 * (a %d in the name is the number), then takes the next number. Reported per transfer: time to the first DATA
 * (ttfd, from the first RRQ to the first block, retransmissions included) and time to the end (p50, p99, max). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAXW 256
#define MAXPKT 65600
#define MAXFILES 8

typedef struct { uint8_t *p; size_t n; char loaded; } ref_t;

typedef struct {
  int fd, active, locked;             /* locked: server TID known */
  struct sockaddr_storage peer;
  uint64_t t0, deadline;              /* ns */
  int retries, idx, step;             /* idx: number of the phone, step: which of its files */
  int blksize, window, inwin;         /* negotiated */
  uint16_t last;                      /* last in-order block (mod 65536) */
  int started, got_data;              /* got OACK or DATA; got DATA */
  int unexpected;                     /* out-of-order count since progress */
  uint64_t bytes, tsize;              /* received; announced */
  char mismatch;
  int rrqlen;
  uint8_t rrq[600];
  uint8_t ack[4];
} slot_t;

static struct sockaddr_storage srv; static socklen_t srvlen;
static const char *patterns[MAXFILES] = { "file" }, *refpats[MAXFILES];
static int files_n, refs_n;
static int conc = 1, blk = 0, win = 0, want_tsize = 0, tmo_ms = 1000, maxretry = 6;
static int cpu = -1, range_lo = 0, range_n = 1, fresh = 0, spin = 0, spread = 0, opt_timeout = 0;
static long total = 1, expect_size = -1;
static double maxsecs = 120;
static double loss = 0;               /* simulated drop of received packets, % */
static int ramp_us = 0;
static ref_t *refs[MAXFILES];
static slot_t *slots;
static int ep;
static long started_n, ok_n, fail_n, retrans, wrong_tid, dup_pkts, rx_pkts, tx_pkts, oacks, bad_content, to_fail;
static long errcode[9];
static uint64_t rx_bytes;
static double *lat, *ttfd;
static long ttfd_n, phones_n;
static char firsterr[200];
static int got_blk, got_win; 

static inline uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static void die(const char *m) { perror(m); exit(2); }

static ref_t *getref(int step, int i) {
  const char *refpat = refpats[step];
  if (!refpat) return NULL;
  ref_t *r = &refs[step][strchr(refpat, '%') ? i - range_lo : 0];
  if (r->loaded) return r;
  char path[512]; snprintf(path, sizeof path, refpat, i);
  int fd = open(path, O_RDONLY); struct stat st;
  if (fd < 0 || fstat(fd, &st)) die(path);
  r->p = malloc(st.st_size + 1); r->n = st.st_size;
  if (read(fd, r->p, r->n) != (ssize_t)r->n) die("read ref");
  close(fd); r->loaded = 1; return r;
}

static int mksock(slot_t *s) {
  int fam = srv.ss_family, fd = socket(fam, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), v = 4 << 20;
  if (fd < 0) die("socket");
  if (blk > 2000 || win > 1) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, sizeof v);
  if (spread && fam == AF_INET) {     /* slot i gets source 127.1.x.y */
    struct sockaddr_in a = { .sin_family = AF_INET }; int i = s - slots;
    a.sin_addr.s_addr = htonl(0x7f010000u + (i / 250) * 256 + i % 250 + 1);
    if (bind(fd, (void *)&a, sizeof a)) die("bind");
  }
  struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };
  if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev)) die("epoll_ctl");
  return fd;
}

static inline void tx(slot_t *s, const void *p, int n, const struct sockaddr_storage *to) {
  tx_pkts++;
  if (sendto(s->fd, p, n, 0, (const void *)to, srvlen) < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != ENOBUFS) die("sendto");
}
static inline void arm(slot_t *s, uint64_t t) { s->deadline = t + (uint64_t)tmo_ms * 1000000ull; }

static void sendack(slot_t *s, uint64_t t) {
  s->ack[0] = 0; s->ack[1] = 4; s->ack[2] = s->last >> 8; s->ack[3] = s->last;
  s->inwin = 0; arm(s, t); tx(s, s->ack, 4, &s->peer);
}

static void begin(slot_t *s) {
  if (started_n >= total) { s->active = 0; return; }
  if (fresh && s->fd >= 0) { close(s->fd); s->fd = -1; }
  if (s->fd < 0) s->fd = mksock(s);
  if (s->step + 1 < files_n && s->idx >= 0) s->step++;
  else { s->step = 0; s->idx = range_lo + (int)(phones_n++ % range_n); }
  started_n++;
  s->active = 1; s->locked = 0; s->started = 0; s->got_data = 0; s->retries = 0; s->blksize = 512; s->window = 1;
  s->inwin = 0; s->last = 0; s->unexpected = 0; s->bytes = 0; s->tsize = 0; s->mismatch = 0;
  uint8_t *p = s->rrq; *p++ = 0; *p++ = 1;
  p += snprintf((char *)p, 300, patterns[s->step], s->idx) + 1;
  memcpy(p, "octet", 6); p += 6;
#define OPT(k, v) do { memcpy(p, k, sizeof k); p += sizeof k; p += sprintf((char *)p, "%d", v) + 1; } while (0)
  if (blk) OPT("blksize", blk);
  if (win) OPT("windowsize", win);
  if (want_tsize) OPT("tsize", 0);
  if (opt_timeout) OPT("timeout", opt_timeout);
  s->rrqlen = p - s->rrq;
  s->t0 = now_ns(); arm(s, s->t0);
  tx(s, s->rrq, s->rrqlen, &srv);
}

static void finish(slot_t *s, int ok, uint64_t t) {
  if (ok) {
    ref_t *r = getref(s->step, s->idx);
    if ((expect_size >= 0 && (long)s->bytes != expect_size) || (r && r->n != s->bytes) || s->mismatch || (s->tsize && s->tsize != s->bytes)) { bad_content++; ok = 0; }
  }
  if (ok) lat[ok_n++] = (t - s->t0) / 1e6; else fail_n++;
  begin(s);
}

static inline int same(const struct sockaddr_storage *a, const struct sockaddr_storage *b, int port) {
  if (a->ss_family == AF_INET) {
    const struct sockaddr_in *x = (void *)a, *y = (void *)b;
    return x->sin_addr.s_addr == y->sin_addr.s_addr && (!port || x->sin_port == y->sin_port);
  }
  const struct sockaddr_in6 *x = (void *)a, *y = (void *)b;
  return !memcmp(&x->sin6_addr, &y->sin6_addr, 16) && (!port || x->sin6_port == y->sin6_port);
}

/* returns 0 when the slot's transfer ended (socket may be replaced) */
static int packet(slot_t *s, uint8_t *b, int n, struct sockaddr_storage *from) {
  rx_pkts++;
  if (n < 4) return 1;
  if (loss > 0 && drand48() * 100 < loss) return 1;
  if (!s->locked) {
    if (!same(from, &srv, 0)) return 1;
  } else if (!same(from, &s->peer, 1)) {
    static const uint8_t e5[] = "\0\5\0\5Unknown transfer ID";
    wrong_tid++;
    if (b[1] != 5) tx(s, e5, sizeof e5, from);
    return 1;
  }
  int op = b[0] << 8 | b[1];
  if (op == 3) {
    uint16_t bn = b[2] << 8 | b[3];
    if (!s->locked) { if (bn != 1) return 1; s->locked = 1; s->peer = *from; }
    if (bn != (uint16_t)(s->last + 1)) {
      dup_pkts++;
      if (s->started && s->unexpected++ % s->window == 0) sendack(s, now_ns());
      return 1;
    }
    int dl = n - 4; 
    if (dl > s->blksize) { s->mismatch = 1; dl = s->blksize; }
    ref_t *r = getref(s->step, s->idx);
    if (r && (s->bytes + dl > r->n || memcmp(r->p + s->bytes, b + 4, dl))) s->mismatch = 1;
    if (!s->got_data) { s->got_data = 1; ttfd[ttfd_n++] = (now_ns() - s->t0) / 1e6; }
    s->started = 1; s->last = bn; s->unexpected = 0; s->retries = 0; s->bytes += dl; rx_bytes += dl;
    uint64_t t = now_ns();
    if (dl < s->blksize) { sendack(s, t); finish(s, 1, t); return 0; }
    if (++s->inwin >= s->window) sendack(s, t); else arm(s, t);
    return 1;
  }
  if (op == 6) {
    if (s->locked) { if (s->last == 0) sendack(s, now_ns()); return 1; }
    s->locked = 1; s->peer = *from; s->started = 1; oacks++;
    uint8_t *p = b + 2, *e = b + n; 
    while (p < e) {
      uint8_t *k = p, *z = memchr(p, 0, e - p); if (!z) break;
      uint8_t *v = z + 1; z = v < e ? memchr(v, 0, e - v) : NULL; if (!z) break;
      long x = atol((char *)v);
      if (!strcasecmp((char *)k, "blksize")) { if (x < 8 || x > blk) s->mismatch = 1; else s->blksize = x; }
      else if (!strcasecmp((char *)k, "windowsize")) { if (x < 1 || x > win) s->mismatch = 1; else s->window = x; }
      else if (!strcasecmp((char *)k, "tsize")) s->tsize = x;
      p = z + 1;
    }
    got_blk = s->blksize; got_win = s->window;
    sendack(s, now_ns());
    return 1;
  }
  if (op == 5) {
    int c = b[2] << 8 | b[3]; errcode[c > 8 ? 8 : c]++;
    if (!firsterr[0]) { b[n < MAXPKT ? n : MAXPKT - 1] = 0; snprintf(firsterr, sizeof firsterr, "%d:%.150s", c, b + 4); }
    finish(s, 0, 0); return 0;
  }
  return 1;
}

static int cmpd(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return x < y ? -1 : x > y; }
static double pct(const double *sorted, long n, double p) { if (!n) return 0; long i = (long)(p * n); return sorted[i >= n ? n - 1 : i]; }

int main(int ac, char **av) {
  const char *host = "127.0.0.1", *label = "", *dump = NULL; int port = 69, c; 
  static struct option lo[] = {
    {"host",1,0,'h'},{"port",1,0,'p'},{"file",1,0,'f'},{"range-lo",1,0,1},{"range",1,0,2},{"conc",1,0,'c'},{"total",1,0,'n'},
    {"blksize",1,0,'b'},{"window",1,0,'w'},{"tsize",0,0,'t'},{"timeout-ms",1,0,3},{"retries",1,0,4},{"cpu",1,0,5},{"size",1,0,'s'},
    {"ref",1,0,'r'},{"fresh",0,0,6},{"spin",0,0,7},{"max-secs",1,0,8},{"spread",0,0,9},{"label",1,0,10},{"opt-timeout",1,0,11},{"loss",1,0,12},{"dump",1,0,13},{"ramp-us",1,0,14},{0}};
  while ((c = getopt_long(ac, av, "h:p:f:c:n:b:w:ts:r:", lo, NULL)) != -1) switch (c) {
    case 'h': host = optarg; break; case 'p': port = atoi(optarg); break; case 'f': if (files_n == MAXFILES) { fprintf(stderr, "too many files\n"); return 2; } patterns[files_n++] = optarg; break;
    case 1: range_lo = atoi(optarg); break; case 2: range_n = atoi(optarg); break; case 'c': conc = atoi(optarg); break;
    case 'n': total = atol(optarg); break; case 'b': blk = atoi(optarg); break; case 'w': win = atoi(optarg); break;
    case 't': want_tsize = 1; break; case 3: tmo_ms = atoi(optarg); break; case 4: maxretry = atoi(optarg); break;
    case 5: cpu = atoi(optarg); break; case 's': expect_size = atol(optarg); break; case 'r': if (refs_n == MAXFILES) { fprintf(stderr, "too many files\n"); return 2; } refpats[refs_n++] = optarg; break;
    case 6: fresh = 1; break; case 7: spin = 1; break; case 8: maxsecs = atof(optarg); break; case 9: spread = 1; break;
    case 10: label = optarg; break; case 11: opt_timeout = atoi(optarg); break; case 12: loss = atof(optarg); break;
    case 13: dump = optarg; break; case 14: ramp_us = atoi(optarg); break;
    default: fprintf(stderr, "usage: tftpload -h host -p port -f name|pattern%%d ... [--range-lo N --range N] -c conc -n total [-b blksize] [-w windowsize] [-t] [--timeout-ms 1000] [--retries 6] [--cpu N] [-s size] [-r reffile|pattern ..., one per -f] [--fresh] [--spin] [--spread] [--max-secs 120] [--loss pct] [--ramp-us N]\n"); return 2;
  }
  if (conc < 1 || total < 1 || win > MAXW || range_n < 1) { fprintf(stderr, "bad args\n"); return 2; }
  if (conc > total) conc = total;
  struct sockaddr_in *a4 = (void *)&srv; struct sockaddr_in6 *a6 = (void *)&srv;
  if (inet_pton(AF_INET, host, &a4->sin_addr) == 1) { a4->sin_family = AF_INET; a4->sin_port = htons(port); srvlen = sizeof *a4; }
  else if (inet_pton(AF_INET6, host, &a6->sin6_addr) == 1) { a6->sin6_family = AF_INET6; a6->sin6_port = htons(port); srvlen = sizeof *a6; }
  else { fprintf(stderr, "bad host\n"); return 2; }
  if (cpu >= 0) { cpu_set_t m; CPU_ZERO(&m); CPU_SET(cpu, &m); if (sched_setaffinity(0, sizeof m, &m)) die("affinity"); }
  if (!files_n) files_n = 1;
  for (int k = 0; k < files_n; k++) refs[k] = calloc(range_n, sizeof **refs);
  slots = calloc(conc, sizeof *slots); lat = malloc(sizeof(double) * total); ttfd = malloc(sizeof(double) * total);
  for (int k = 0; k < files_n; k++) if (refpats[k]) for (int i = 0; i < range_n; i++) getref(k, range_lo + i);
  ep = epoll_create1(0);
  int nb = win > 1 ? (win > 64 ? 64 : win) : 1; 
  int psz = (blk > 512 ? blk : 512) + 128;
  uint8_t *bufs = malloc((size_t)nb * psz + MAXPKT);
  struct mmsghdr mm[64]; struct iovec iov[64]; struct sockaddr_storage ad[64];
  for (int i = 0; i < nb; i++) { iov[i] = (struct iovec){ bufs + (size_t)i * psz, psz }; memset(&mm[i], 0, sizeof mm[i]); mm[i].msg_hdr.msg_iov = &iov[i]; mm[i].msg_hdr.msg_iovlen = 1; mm[i].msg_hdr.msg_name = &ad[i]; }
  for (int i = 0; i < conc; i++) { slots[i].fd = -1; slots[i].idx = -1; }
  for (int i = 0; i < conc; i++) if (!fresh) slots[i].fd = mksock(&slots[i]);
  uint64_t T0 = now_ns(), tend = T0 + (uint64_t)(maxsecs * 1e9), nextscan = T0;
  int begun = 0; uint64_t nextbegin = T0;
  struct rusage u0, u1; getrusage(RUSAGE_SELF, &u0);
  struct epoll_event ev[256]; int scan_ms = tmo_ms / 8; if (scan_ms < 1) scan_ms = 1; if (scan_ms > 20) scan_ms = 20;
  long empty = 0; int cut = 0;
  while (ok_n + fail_n < total) {
    /* initial ramp: start slots without overrunning the server's socket buffer unfairly: ramp_us 0 = all at once */
    while (begun < conc && (!ramp_us || now_ns() >= nextbegin)) { begin(&slots[begun++]); nextbegin += ramp_us * 1000ull; if (ramp_us) break; }
    int wt = spin || begun < conc ? 0 : scan_ms;
    int k = epoll_wait(ep, ev, 256, wt);
    if (k == 0) empty++;
    for (int i = 0; i < k; i++) {
      slot_t *s = ev[i].data.ptr;
      if (nb == 1) {
        struct sockaddr_storage from; socklen_t fl = sizeof from;
        int n = recvfrom(s->fd, bufs, psz, MSG_DONTWAIT, (void *)&from, &fl);
        if (n < 0) { if (errno == ECONNREFUSED) continue; if (errno != EAGAIN && errno != EINTR) die("recv"); continue; }
        if (s->active) packet(s, bufs, n, &from); 
      } else {
        for (int q = 0; q < nb; q++) mm[q].msg_hdr.msg_namelen = sizeof ad[q];
        int n = recvmmsg(s->fd, mm, nb, MSG_DONTWAIT, NULL);
        for (int q = 0; q < n; q++) { if (s->active && !packet(s, iov[q].iov_base, mm[q].msg_len, &ad[q])) break; }
      }
    }
    if (k < 256 || spin) {
      uint64_t t = now_ns();
      if (t >= nextscan) {
        nextscan = t + scan_ms * 1000000ull;
        for (int i = 0; i < begun; i++) {
          slot_t *s = &slots[i];
          if (!s->active || t < s->deadline) continue;
          if (++s->retries > maxretry) { to_fail++; finish(s, 0, t); continue; }
          retrans++; arm(s, t);
          if (!s->locked) tx(s, s->rrq, s->rrqlen, &srv); else { s->unexpected = 0; sendack(s, t); }
        }
      }
      if (t > tend) { cut = 1; break; }
    }
  }
  uint64_t T1 = now_ns(); getrusage(RUSAGE_SELF, &u1);
  double w = (T1 - T0) / 1e9;
  double cpus = (u1.ru_utime.tv_sec - u0.ru_utime.tv_sec) + (u1.ru_stime.tv_sec - u0.ru_stime.tv_sec) + ((u1.ru_utime.tv_usec - u0.ru_utime.tv_usec) + (u1.ru_stime.tv_usec - u0.ru_stime.tv_usec)) / 1e6;
  if (dump) { FILE *f = fopen(dump, "w"); if (f) { for (long i = 0; i < ok_n; i++) fprintf(f, "%.4f\n", lat[i]); fclose(f); } }
  qsort(lat, ok_n, sizeof *lat, cmpd); qsort(ttfd, ttfd_n, sizeof *ttfd, cmpd);
  printf("{\"label\":\"%s\",\"ok\":%ld,\"failed\":%ld,\"cut\":%d,\"timeouts\":%ld,\"bad_content\":%ld,\"err\":{", label, ok_n, fail_n, cut, to_fail, bad_content);
  int first = 1; for (int i = 0; i < 9; i++) if (errcode[i]) { printf("%s\"%d\":%ld", first ? "" : ",", i, errcode[i]); first = 0; }
  for (char *q = firsterr; *q; q++) if (*q == '"' || *q == '\\' || (unsigned char)*q < 32 || (unsigned char)*q > 126) *q = '.';
  printf("},\"first_err\":\"%s\",\"wall_s\":%.4f,\"tps\":%.1f,\"MBps\":%.2f,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"ttfd_p50\":%.3f,\"ttfd_p99\":%.3f,\"ttfd_max\":%.3f,\"retrans\":%ld,\"wrong_tid\":%ld,\"dups\":%ld,\"oacks\":%ld,\"blk\":%d,\"win\":%d,\"rx\":%ld,\"tx\":%ld,\"client_cpu\":%.3f}\n",
    firsterr, w, ok_n / w, rx_bytes / w / 1e6, pct(lat, ok_n, .5), pct(lat, ok_n, .9), pct(lat, ok_n, .99), pct(lat, ok_n, 1), pct(ttfd, ttfd_n, .5), pct(ttfd, ttfd_n, .99), pct(ttfd, ttfd_n, 1), retrans, wrong_tid, dup_pkts, oacks, got_blk, got_win, rx_pkts, tx_pkts, cpus / w);
  return fail_n || cut ? 1 : 0;
}
