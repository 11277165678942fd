using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Sluice.Formats;

namespace Sluice.Kernel.Mounts;

/// <summary>Mends an ext4 that was not unmounted: e2fsck(8), if the machine has it.</summary>
internal static class FileSystemCheck
{
    private const int Corrected = 1, CorrectedReboot = 2;

    /// <summary>
    /// Runs <c>e2fsck -p</c>, and <c>e2fsck -fy</c> where that does not dare, over a loop device: e2fsck writes parts of sectors, which disks
    /// don't take. Nothing may have the file system mounted.
    /// </summary>
    /// <returns>What was done, in words.</returns>
    /// <exception cref="SluiceException">It can't be mended.</exception>
    public static string Run(string disk, int sectorSize)
    {
        using LoopDevice loop = LoopDevice.Attach(disk, sectorSize, writable: true);
        var said = new StringBuilder("its ext4 was not unmounted");
        if (Try("-p", loop.Path, said) is not { } exitCode) return said.Append("; it is used as it is, because e2fsck is not installed (e2fsprogs)").ToString();
        if (exitCode > CorrectedReboot) exitCode = Try("-fy", loop.Path, said) ?? exitCode;
        if ((exitCode & ~(Corrected | CorrectedReboot)) != 0) throw new SluiceException(SluiceError.Disk, disk, $"can't be mended: {said}");
        return said.ToString();
    }

    /// <returns>The exit code; null if there is no e2fsck.</returns>
    private static int? Try(string how, string device, StringBuilder said)
    {
        var start = new ProcessStartInfo("e2fsck", [how, device]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            process.StandardInput.Close();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
            process.WaitForExit();
            said.Append($"; e2fsck {how} ended with {process.ExitCode}: {string.Join(' ', output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))}");
            return process.ExitCode;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
