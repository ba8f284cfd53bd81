/* The HTTP side. Small limits, one thread, nothing that changes anything. */
#include "src/app/http.h"

#include "src/app/metrics.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS_MAX = 64, CLIENT_TIMEOUT_S = 10, CLIENT_MEMORY = 16384, ANSWER_MAX = 16 * 1024 * 1024 };

struct http_server {
    struct MHD_Daemon *daemon;
    struct status *status;
    unsigned port;
};

struct answer {
    unsigned code;
    const char *type;
    struct buf body;
};

static void page_health(struct status *s, struct answer *a) {
    (void)s;
    buf_put_text(&a->body, "alive\n");
}

static void page_ready(struct status *s, struct answer *a) {
    const char *why = status_not_ready(s);
    a->code = why ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
    buf_printf(&a->body, "%s%s\n", why ? "not ready: " : "ready", why ? why : "");
}

static void page_status(struct status *s, struct answer *a) {
    a->type = "application/json";
    struct json_out out = {.buf = &a->body, .pretty = true};
    status_json(s, &out);
    buf_put_char(&a->body, '\n');
}

static void page_metrics(struct status *s, struct answer *a) {
    a->type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(s, &a->body);
}

static const struct {
    const char *path;
    void (*page)(struct status *s, struct answer *a);
} pages[] = {{"/health", page_health}, {"/ready", page_ready}, {"/status", page_status}, {"/metrics", page_metrics}};

/* A page that some other site's name was made to point here must not be able to read us (DNS rebinding): the Host is an address,
 * localhost, or a name without a dot as clusters give services, or it ends in .local, .internal or .svc. */
static bool host_allowed(const char *host) {
    char name[256];
    if (!host || strlen(host) >= sizeof(name))
        return !host; /* HTTP/1.0 probes send none */
    memcpy(name, host, strlen(host) + 1);
    if (name[0] == '[')
        return true; /* an IPv6 address */
    name[strcspn(name, ":")] = 0;
    struct in_addr v4;
    if (inet_pton(AF_INET, name, &v4) == 1 || !strchr(name, '.'))
        return true;
    const char *last = strrchr(name, '.');
    static const char *const endings[] = {".local", ".internal", ".svc", ".localhost"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (strcmp(last, endings[i]) == 0)
            return true;
    return false;
}

static enum MHD_Result respond(struct MHD_Connection *connection, struct answer *a) {
    struct MHD_Response *response = MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", a->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    enum MHD_Result result = MHD_queue_response(connection, a->code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state) {
    (void)version, (void)upload, (void)state;
    struct http_server *server = context;
    struct answer a = {.code = MHD_HTTP_OK, .type = "text/plain; charset=utf-8", .body = BUF_INIT(ANSWER_MAX)};
    size_t i = 0;
    while (i < ARRAY_LEN(pages) && strcmp(pages[i].path, url) != 0)
        i++;
    *upload_size = 0;
    if (!host_allowed(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"))) {
        a.code = MHD_HTTP_FORBIDDEN;
        buf_put_text(&a.body, "this Host is not served here\n");
    } else if (i == ARRAY_LEN(pages)) {
        a.code = MHD_HTTP_NOT_FOUND;
        buf_put_text(&a.body, "not here; there are /health /ready /status /metrics\n");
    } else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        a.code = MHD_HTTP_METHOD_NOT_ALLOWED;
        buf_put_text(&a.body, "only GET\n");
    } else {
        status_lock(server->status);
        pages[i].page(server->status, &a);
        status_unlock(server->status);
    }
    enum MHD_Result result = respond(connection, &a);
    buf_deinit(&a.body);
    return result;
}

static int parse_listen(const char *text, struct sockaddr_storage *ret, struct error *error) {
    char host[128];
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (port < 0 || port > 65535 || !end || *end || len >= sizeof(host))
        return error_set(error, ERR_CONFIG, "http.listen is ADDRESS:PORT, as in 127.0.0.1:8080, not \"%s\"", text);
    bool bracket = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    snprintf(host, sizeof(host), "%.*s", (int)(bracket ? len - 2 : len), bracket ? text + 1 : text);
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
    } else {
        return error_set(error, ERR_CONFIG, "http.listen: \"%s\" is no address (names are not looked up)", host);
    }
    return 0;
}

int http_serve(struct http_server **ret, const char *listen, struct status *status, struct error *error) {
    struct sockaddr_storage address = {0};
    int r = parse_listen(listen, &address, error);
    if (r < 0)
        return r;
    struct http_server *server = xcalloc(1, sizeof(*server));
    server->status = status;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | (address.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0U);
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR, &address,
                                      MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                      (unsigned)CLIENT_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                      (size_t)CLIENT_MEMORY, MHD_OPTION_END);
    if (!server->daemon) {
        free(server);
        return error_set(error, ERR_CONFIG, "cannot listen on http.listen %s: is the port taken?", listen);
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info ? info->port : 0;
    *ret = server;
    return 0;
}

void http_stop(struct http_server *server) {
    if (!server)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}

unsigned http_port(const struct http_server *server) {
    return server->port;
}
