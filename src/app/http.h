/* The HTTP side: read-only, /health /ready /status /metrics. libmicrohttpd is used here and nowhere else. */
#pragma once

#include "src/app/status.h"

struct http_server;

/* `listen` is ADDRESS:PORT ("127.0.0.1:8080", "[::1]:0"); port 0 picks one, which is logged and stands in status. */
int http_serve(struct http_server **ret, const char *listen, struct status *status, struct error *error) must_check;
void http_stop(struct http_server *server); /* accepts NULL */
unsigned http_port(const struct http_server *server);
