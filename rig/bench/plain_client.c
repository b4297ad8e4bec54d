/* The plainest client that there can be: what the rig's own is held against (rig/bench/beside.py).
 *
 * plain_client HOST PORT COUNT   COUNT times: connect, ask for `big`, read to the end
 * Prints the seconds that it took. Compares nothing. Exit 1 when a transfer is not 200,000 bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static long transfer(const struct sockaddr_in *board) {
    static char room[1 << 18];
    const struct timeval patience = {30, 0};
    long got = 0;
    ssize_t count = 0;
    const int sock = socket(AF_INET, SOCK_STREAM, 0);
    if (sock < 0) return -1;
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(sock, (const struct sockaddr *)board, sizeof *board) != 0 ||
        send(sock, "big\n", 4, MSG_NOSIGNAL) != 4) {
        close(sock);
        return -1;
    }
    while ((count = recv(sock, room, sizeof room, 0)) > 0) got += count;
    close(sock);
    return count < 0 ? -1 : got;
}

int main(int argc, char **argv) {
    struct sockaddr_in board = {.sin_family = AF_INET};
    if (argc != 4 || inet_pton(AF_INET, argv[1], &board.sin_addr) != 1) {
        fprintf(stderr, "usage: plain_client HOST PORT COUNT\n");
        return 2;
    }
    board.sin_port = htons((unsigned short)atoi(argv[2]));
    const double begun = seconds();
    for (int left = atoi(argv[3]); left > 0; --left) {
        const long got = transfer(&board);
        if (got != 200000) {
            fprintf(stderr, "a transfer of %ld bytes\n", got);
            return 1;
        }
    }
    printf("%.6f\n", seconds() - begun);
    return 0;
}
