/* binlog_fetch HOST PORT USER PASSWORD FILE: reads a binlog from a server to its end by mysql_binlog_fetch() and decodes nothing: what any
 * reader in C must cost at least. Prints how many events and bytes came. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: binlog_fetch HOST PORT USER PASSWORD FILE\n");
        return 2;
    }
    MYSQL *mysql = mysql_init(NULL);
    enum mysql_ssl_mode tls = SSL_MODE_DISABLED;
    bool ask_key = true;
    MYSQL_RPL rpl = {.file_name = argv[5],
                     .file_name_length = strlen(argv[5]),
                     .start_position = 4,
                     .server_id = 909,
                     .flags = 1 /* end at its end */};
    unsigned long long events = 0, bytes = 0;
    mysql_options(mysql, MYSQL_OPT_SSL_MODE, &tls);
    mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &ask_key);
    if (mysql_real_connect(mysql, argv[1], argv[3], argv[4], NULL, (unsigned)strtoul(argv[2], NULL, 10), NULL, 0) &&
        mysql_query(mysql, "SET @source_binlog_checksum='CRC32'") == 0 && mysql_binlog_open(mysql, &rpl) == 0)
        while (mysql_binlog_fetch(mysql, &rpl) == 0 && rpl.size > 0) {
            events++;
            bytes += rpl.size - 1;
        }
    if (mysql_errno(mysql))
        fprintf(stderr, "binlog_fetch: %s\n", mysql_error(mysql));
    else
        printf("{\"events\": %llu, \"bytes\": %llu}\n", events, bytes);
    int failed = mysql_errno(mysql) != 0;
    mysql_binlog_close(mysql, &rpl);
    mysql_close(mysql);
    return failed;
}
