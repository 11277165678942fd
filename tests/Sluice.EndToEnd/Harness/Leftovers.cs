using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;

namespace Sluice.EndToEnd.Harness;

/// <summary>What tests leave in a directory: their processes, and what these have mounted.</summary>
internal static class Leftovers
{
    /// <summary>
    /// Ends it all. Processes that serve come first, as one that lives starts another keeper when its own is stopped; but some end only when nothing waits for the keeper any more.
    /// </summary>
    /// <param name="states">State directories in it.</param>
    public static void End(string directory, IReadOnlyCollection<string> states)
    {
        SpinWait.SpinUntil(() =>
        {
            bool were = Kill(directory);
            foreach (string state in states) KeeperProcess.Stop(state, anyway: true);
            return !were;
        });
        foreach (MountEntry mount in MountTable.Below(directory)) MountCalls.Detach(mount.MountPoint);
    }

    /// <summary>Kills processes of the program that have the directory in their arguments, but keepers; false if there were none.</summary>
    private static bool Kill(string directory)
    {
        bool were = false;
        foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                if (new FileInfo(Path.Combine(process, "exe")).LinkTarget != SluiceProgram.Path) continue;
                string[] arguments = File.ReadAllText(Path.Combine(process, "cmdline")).Split('\0');
                if (arguments.Contains(KeeperMain.Argument) || !arguments.Any(argument => argument.StartsWith(directory + "/", StringComparison.Ordinal))) continue;
                were = true;
                using Process left = Process.GetProcessById(int.Parse(Path.GetFileName(process), CultureInfo.InvariantCulture));
                left.Kill();
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException or Win32Exception)
            {
                // It has ended.
            }
        }

        return were;
    }
}
