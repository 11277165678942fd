using System.Globalization;
using Sluice.Kernel.Mounts;

namespace Sluice.Node.Status;

/// <summary>What the process and the mounts of the node take from the machine, from /proc and /sys.</summary>
internal static class ProcessFigures
{
    /// <param name="state">The state directory.</param>
    public static ProcessStatus Read(string state) =>
        new(Resident(), Directory.GetFileSystemEntries("/proc/self/fd").Length, DescriptorLimit(), Directory.GetDirectories("/proc/self/task").Length, MountTable.Below(state).Count, LoopDevices.Below(state).Count);

    private static long? DescriptorLimit()
    {
        // Max open files            1024                 524288               files
        const string Name = "Max open files";
        string? line = File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        string? soft = line?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out long limit) ? limit : null;
    }

    private static long Resident()
    {
        // size resident shared text lib data dt, in pages: proc_pid_statm(5)
        string[] pages = File.ReadAllText("/proc/self/statm").Split(' ');
        return long.Parse(pages[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }
}
