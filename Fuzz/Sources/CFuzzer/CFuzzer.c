#include "CFuzzer.h"
#include <stdio.h>
#include <stdlib.h>

typedef int (*one_input)(const unsigned char *, unsigned long);

int LLVMFuzzerRunDriver(int *argc, char ***argv, one_input);
int LLVMFuzzerTestOneInput(const unsigned char *bytes, unsigned long count);
int culvert_fuzz_select(const char *target);

// The target is the first argument, or for the processes that libFuzzer itself starts, in the environment. SwiftPM makes
// this function the program's entry, in libFuzzer's place.
int culvert_fuzz_main(int argc, char **argv) {
    const char *variable = "CULVERT_FUZZ_TARGET";
    const char *target = getenv(variable);
    if (!target && argc > 1) {
        target = argv[1];
        setenv(variable, target, 1);
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    if (!target || !culvert_fuzz_select(target)) {
        fprintf(stderr, "usage: culvert-fuzz TARGET [LIBFUZZER-OPTION | INPUT | CORPUS]...\n");
        return 2;
    }
    return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput);
}
