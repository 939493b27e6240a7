#include "CFuzzer.h"

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one_input)(const unsigned char *, unsigned long));
int LLVMFuzzerTestOneInput(const unsigned char *bytes, unsigned long count);

// SwiftPM makes this name the program's entry, in libFuzzer's place.
int FuzzWire_main(int argc, char **argv) { return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput); }
