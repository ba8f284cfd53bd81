/* leat: keeps DynamoDB equal to a contract over MySQL's rows. */
#include "src/app/command.h"

int main(int argc, char **argv) {
    return command_main(argc, argv);
}
