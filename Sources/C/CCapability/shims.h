// libcap: what this process may do.
#ifndef CULVERT_CCAPABILITY_H
#define CULVERT_CCAPABILITY_H
#include <sys/capability.h>
#endif
