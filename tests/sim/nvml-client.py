#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a client of NVML that knows nothing of carve sees, line by line: a GPU, or a MIG device of the one above."""
import pynvml as nvml


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def supported(function, *args):
    try:
        return function(*args)
    except nvml.NVMLError_NotSupported:
        return "-"


def mig_mode(device):
    mode = supported(nvml.nvmlDeviceGetMigMode, device)
    return mode if mode == "-" else "/".join(str(number) for number in mode)


def mig_devices(device):
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(device)):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index)
        except nvml.NVMLError_NotFound:
            pass


def mib(device):
    return nvml.nvmlDeviceGetMemoryInfo(device).total >> 20


def gpu_show(device):
    address = text(nvml.nvmlDeviceGetPciInfo(device).busId)
    print("gpu", nvml.nvmlDeviceGetMinorNumber(device), address, text(nvml.nvmlDeviceGetUUID(device)),
          mib(device), mig_mode(device), supported(nvml.nvmlDeviceGetPowerUsage, device),
          text(nvml.nvmlDeviceGetName(device)).replace(" ", "_"))
    for mig in mig_devices(device):
        assert nvml.nvmlDeviceIsMigDeviceHandle(mig)
        parent = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig)
        assert nvml.nvmlDeviceGetMinorNumber(parent) == nvml.nvmlDeviceGetMinorNumber(device)
        attributes = nvml.nvmlDeviceGetAttributes(mig)
        pids = ",".join(str(p.pid) for p in nvml.nvmlDeviceGetComputeRunningProcesses(mig))
        print("mig", nvml.nvmlDeviceGetGpuInstanceId(mig), nvml.nvmlDeviceGetComputeInstanceId(mig),
              text(nvml.nvmlDeviceGetUUID(mig)), mib(mig), attributes.multiprocessorCount, pids or "-",
              text(nvml.nvmlDeviceGetName(mig)).replace(" ", "_"))


def main():
    nvml.nvmlInit()
    print("driver", text(nvml.nvmlSystemGetDriverVersion()))
    for index in range(nvml.nvmlDeviceGetCount()):
        gpu_show(nvml.nvmlDeviceGetHandleByIndex(index))
    nvml.nvmlShutdown()


try:
    main()
except nvml.NVMLError as error:
    print("error", error.value, error)
