/* A library that speaks NVML's C symbols from a scenario file, so that the real binding can be driven without a GPU.

   HEADROOM_NVML_SCENARIO names a file of lines key=value, read anew at every call so that a test can change it midway:
     init=0  driver=550.54.14  cuda=12040  count=2
     0.name=NVIDIA GeForce RTX 4090   0.total=25757220864   0.mig0.total=...   0.process0=4242:1073741824
   A missing key is NVML_ERROR_NOT_SUPPORTED, and !15 as a value is error 15 (NVML_ERROR_GPU_IS_LOST).
   Every opening appends a letter to HEADROOM_NVML_LOG. Without a scenario it answers as if it were not there.
   With -DOLD it lacks the symbols that drivers before 510 lack. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, LIBRARY_NOT_FOUND = 12 };
enum { LINE = 256, SLICES = 7, SLICE_HANDLE = 1000 };
typedef unsigned long long u64;

static int look(const char *key, char *value) {
    const char *path = getenv("HEADROOM_NVML_SCENARIO");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return LIBRARY_NOT_FOUND;
    char line[LINE];
    size_t length = strlen(key);
    int found = NOT_SUPPORTED;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, key, length) == 0 && line[length] == '=') {
            strcpy(value, line + length + 1);
            found = value[0] == '!' ? atoi(value + 1) : OK;
        }
    }
    fclose(file);
    return found;
}

/* The key of a field of a device, or of a slice of it. */
static void spell(char *key, void *device, const char *field) {
    long handle = (long)device;
    if (handle >= SLICE_HANDLE) snprintf(key, LINE, "%ld.mig%ld.%s", (handle - SLICE_HANDLE) / SLICES, (handle - SLICE_HANDLE) % SLICES, field);
    else snprintf(key, LINE, "%ld.%s", handle - 1, field);
}

static int text(void *device, const char *field, char *out, unsigned length) {
    char key[LINE], value[LINE];
    if (device) spell(key, device, field);
    else strcpy(key, field);
    int found = look(key, value);
    if (found == OK) snprintf(out, length, "%s", value);
    return found;
}

static int number(void *device, const char *field, u64 *out) {
    char value[LINE];
    int found = text(device, field, value, sizeof value);
    if (found == OK) *out = strtoull(value, NULL, 10);
    return found;
}

static int small(void *device, const char *field, unsigned *out) {
    u64 value = 0;
    int found = number(device, field, &value);
    if (found == OK) *out = (unsigned)value;
    return found;
}

int nvmlInitWithFlags(unsigned flags) {
    u64 ignored;
    int found = number(NULL, "init", &ignored);
    const char *path = getenv("HEADROOM_NVML_LOG");
    FILE *log = path && found == OK ? fopen(path, "a") : NULL;
    if (log) { fputc('i', log); fclose(log); }
    return (void)flags, found;
}
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int error) { return (void)error, "an error of the scenario"; }
int nvmlSystemGetDriverVersion(char *out, unsigned length) { return text(NULL, "driver", out, length); }
int nvmlSystemGetCudaDriverVersion(int *out) { return small(NULL, "cuda", (unsigned *)out); }
int nvmlDeviceGetCount_v2(unsigned *out) { return small(NULL, "count", out); }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out) {
    u64 ignored;
    *out = (void *)(long)(index + 1);
    int found = number(*out, "handle", &ignored);
    return found == NOT_SUPPORTED ? OK : found;
}

int nvmlDeviceGetName(void *d, char *out, unsigned length) { return text(d, "name", out, length); }
int nvmlDeviceGetUUID(void *d, char *out, unsigned length) { return text(d, "uuid", out, length); }

int nvmlDeviceGetMemoryInfo(void *d, u64 *out) { /* total, free, used with what is reserved */
    u64 reserved = 0;
    number(d, "reserved", &reserved);
    int found = number(d, "total", &out[0]);
    if (found == OK) found = number(d, "used", &out[2]);
    if (found == OK) { out[1] = out[0] - out[2] - reserved; out[2] += reserved; }
    return found;
}
#ifndef OLD
struct memory_v2 { unsigned version; u64 total, reserved, free, used; };
int nvmlDeviceGetMemoryInfo_v2(void *d, struct memory_v2 *out) {
    u64 v1[3], reserved = 0;
    int found = nvmlDeviceGetMemoryInfo(d, v1);
    number(d, "reserved", &reserved);
    if (found == OK) { out->total = v1[0]; out->free = v1[1]; out->reserved = reserved; out->used = v1[2] - reserved; }
    return found;
}
int nvmlDeviceGetCurrentClocksEventReasons(void *d, u64 *out) { return number(d, "reasons", out); }
#endif
int nvmlDeviceGetCurrentClocksThrottleReasons(void *d, u64 *out) { return number(d, "reasons", out); }

int nvmlDeviceGetUtilizationRates(void *d, unsigned *out) {
    int found = small(d, "busy", &out[0]);
    return found == OK ? small(d, "memory_busy", &out[1]) : found;
}
int nvmlDeviceGetPowerUsage(void *d, unsigned *out) { return small(d, "power", out); }
int nvmlDeviceGetEnforcedPowerLimit(void *d, unsigned *out) { return small(d, "power_limit", out); }
int nvmlDeviceGetTotalEnergyConsumption(void *d, u64 *out) { return number(d, "energy", out); }
int nvmlDeviceGetTemperature(void *d, int sensor, unsigned *out) { return sensor == 0 ? small(d, "temperature", out) : INVALID; }
int nvmlDeviceGetClockInfo(void *d, int kind, unsigned *out) { return small(d, kind == 1 ? "clock" : "memory_clock", out); }
int nvmlDeviceGetMaxClockInfo(void *d, int kind, unsigned *out) { return small(d, kind == 1 ? "max_clock" : "max_memory_clock", out); }
int nvmlDeviceGetCurrPcieLinkGeneration(void *d, unsigned *out) { return small(d, "pcie_generation", out); }
int nvmlDeviceGetCurrPcieLinkWidth(void *d, unsigned *out) { return small(d, "pcie_width", out); }
int nvmlDeviceGetMaxPcieLinkGeneration(void *d, unsigned *out) { return small(d, "pcie_max_generation", out); }
int nvmlDeviceGetMaxPcieLinkWidth(void *d, unsigned *out) { return small(d, "pcie_max_width", out); }
int nvmlDeviceGetCudaComputeCapability(void *d, int *major, int *minor) {
    int found = small(d, "capability_major", (unsigned *)major);
    return found == OK ? small(d, "capability_minor", (unsigned *)minor) : found;
}
int nvmlDeviceGetNvLinkState(void *d, unsigned link, unsigned *out) {
    unsigned links = 0, up = 0;
    int found = small(d, "links", &links);
    if (found != OK) return found;
    if (link >= links) return INVALID;
    small(d, "links_up", &up);
    *out = link < up;
    return OK;
}
int nvmlDeviceGetNvLinkVersion(void *d, unsigned link, unsigned *out) { return (void)link, small(d, "link_version", out); }

struct pci { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; };
int nvmlDeviceGetPciInfo_v3(void *d, struct pci *out) { return text(d, "bus", out->bus_id, sizeof out->bus_id); }

int nvmlDeviceGetMigMode(void *d, unsigned *current, unsigned *pending) {
    int found = small(d, "mig", current);
    if (found == OK) *pending = *current;
    return found;
}
int nvmlDeviceGetMaxMigDeviceCount(void *d, unsigned *out) { return (void)d, *out = SLICES, OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *d, unsigned index, void **out) {
    char name[LINE];
    *out = (void *)(SLICE_HANDLE + ((long)d - 1) * SLICES + index);
    return text(*out, "name", name, sizeof name) == OK ? OK : NOT_FOUND;
}

struct process { unsigned pid; u64 bytes; unsigned gpu_instance, compute_instance; };
static int running(void *d, const char *prefix, unsigned *count, struct process *out) {
    char key[LINE], value[LINE];
    unsigned found = 0, room = *count;
    int answer = text(d, prefix, value, sizeof value); /* process=!4 refuses the whole list */
    if (answer != OK && answer != NOT_SUPPORTED) return answer;
    for (;; found++) {
        snprintf(key, sizeof key, "%s%u", prefix, found);
        if (text(d, key, value, sizeof value) != OK) break;
        if (out && found < room) {
            char *colon = strchr(value, ':');
            memset(&out[found], 0xff, sizeof *out);
            out[found].pid = (unsigned)strtoul(value, NULL, 10);
            if (colon) out[found].bytes = strtoull(colon + 1, NULL, 10); /* without one: memory not available */
        }
    }
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *count, struct process *out) { return running(d, "process", count, out); }
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *d, unsigned *count, struct process *out) { return running(d, "graphics", count, out); }
