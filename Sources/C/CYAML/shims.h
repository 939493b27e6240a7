// libyaml: the YAML event parser.
#ifndef CULVERT_CYAML_H
#define CULVERT_CYAML_H
#include <yaml.h>
#endif
