/* Stands in for the driver's libnvidia-ml.so.1 where there is no GPU: two devices, with the functions that we call.
   Types and signatures as in nvml.h (https://docs.nvidia.com/deploy/nvml-api/). */
#include <stdio.h>

typedef struct device { int number; } *nvmlDevice_t;
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;

static struct device devices[2] = {{0}, {1}};
static int ready = 0;

int nvmlInit_v2(void) { ready = 1; return 0; }

int nvmlDeviceGetCount_v2(unsigned int *count) {
    if (!ready) return 1; /* NVML_ERROR_UNINITIALIZED */
    *count = 2;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int at, nvmlDevice_t *device) {
    if (at > 1) return 2; /* NVML_ERROR_INVALID_ARGUMENT */
    *device = &devices[at];
    return 0;
}

int nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length) {
    snprintf(uuid, length, "GPU-%d", device->number);
    return 0;
}

int nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates) {
    rates->gpu = 25 * (device->number + 1);
    rates->memory = 1;
    return 0;
}

int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    memory->total = 1ULL << 34;
    memory->used = (unsigned long long)(device->number + 1) << 33;
    memory->free = memory->total - memory->used;
    return 0;
}
