/* Connecting to the source: options, TLS, session. */
#include "binlog/connect.h"

#include "binlog/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET_MAX = 1024 * 1024 * 1024, READ_TIMEOUT_MIN_S = 5, READ_TIMEOUT_HEARTBEATS = 3 };

static void library_setup(void) {
    if (mysql_library_init(0, NULL, NULL) != 0)
        abort();
}

/* Where distributions keep the authorities they trust. */
static const char *system_authorities(void) {
    static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static int set_tls(struct connection *c, const struct source_options *o, struct error *error) {
    static const unsigned modes[] = {
        [TLS_VERIFY_IDENTITY] = SSL_MODE_VERIFY_IDENTITY,
        [TLS_VERIFY_CA] = SSL_MODE_VERIFY_CA,
        [TLS_REQUIRED] = SSL_MODE_REQUIRED,
        [TLS_DISABLED] = SSL_MODE_DISABLED,
    };
    bool local = o->socket != NULL; /* what passes a local socket never leaves the machine */
    bool verify = !local && (o->tls_mode == TLS_VERIFY_IDENTITY || o->tls_mode == TLS_VERIFY_CA);
    unsigned mode = local ? (unsigned)SSL_MODE_DISABLED : modes[o->tls_mode];
    mysql_options(&c->mysql, MYSQL_OPT_SSL_MODE, &mode);
    if (verify) {
        const char *ca = o->tls_ca ? o->tls_ca : system_authorities();
        if (!ca || access(ca, R_OK) != 0)
            return error_set(error, ERR_CONFIG,
                             "the certificate authorities in %s cannot be read: set database.mysql.tls.ca",
                             ca ? ca : "(no place of this system)");
        mysql_options(&c->mysql, MYSQL_OPT_SSL_CA, ca);
    }
    bool ask_for_key = mode == SSL_MODE_DISABLED && !local; /* so that the password does not travel in the clear */
    mysql_options(&c->mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &ask_for_key);
    return 0;
}

static int set_options(struct connection *c, const struct source_options *o, struct error *error) {
    unsigned connect_s = o->connect_timeout_s ? o->connect_timeout_s : 10;
    unsigned read_s = MAX(c->heartbeat_s * READ_TIMEOUT_HEARTBEATS, READ_TIMEOUT_MIN_S);
    unsigned no = 0;
    unsigned long packet = PACKET_MAX;
    mysql_options(&c->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(&c->mysql, MYSQL_OPT_READ_TIMEOUT, &read_s);
    mysql_options(&c->mysql, MYSQL_OPT_WRITE_TIMEOUT, &read_s);
    mysql_options(&c->mysql, MYSQL_OPT_LOCAL_INFILE, &no);
    mysql_options(&c->mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
    mysql_options(&c->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options4(&c->mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "leat");
    unsigned protocol = o->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    mysql_options(&c->mysql, MYSQL_OPT_PROTOCOL, &protocol);
    return set_tls(c, o, error);
}

int connection_open(struct connection **ret, const struct source_options *o, struct error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_setup);
    struct connection *c = xcalloc(1, sizeof(*c));
    c->server_id = o->server_id;
    c->heartbeat_s = o->heartbeat_s ? o->heartbeat_s : 10;
    if (o->socket)
        snprintf(c->where, sizeof(c->where), "%s as %s", o->socket, o->username);
    else
        snprintf(c->where, sizeof(c->where), "%s:%u as %s", o->host, o->port, o->username);
    mysql_init(&c->mysql);
    int r = set_options(c, o, error);
    if (r == 0 && !mysql_real_connect(&c->mysql, o->socket ? NULL : o->host, o->username, o->password, NULL, o->port,
                                      o->socket, 0))
        r = client_fail(c, "connecting", error);
    /* character_set_results NULL: columns arrive in their own character set, as row images do. The invisible key that servers
     * since 8.0.30 may add is in the images, and must be in information_schema. */
    if (r == 0)
        r = client_run(c, error,
                       "SET time_zone='+00:00', sql_mode='', character_set_results=NULL, autocommit=1, "
                       "net_write_timeout=600, lock_wait_timeout=30 "
                       "/*!80030 , show_gipk_in_create_table_and_information_schema=ON */");
    if (r) {
        connection_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

void connection_interrupt(struct connection *c) {
    shutdown(c->mysql.net.fd, SHUT_RDWR); /* the descriptor stays the owner's */
}

void connection_close(struct connection *c) {
    if (!c)
        return;
    mysql_close(&c->mysql);
    free(c);
}
