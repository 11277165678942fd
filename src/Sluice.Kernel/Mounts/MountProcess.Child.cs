using System.Diagnostics;
using System.Text;
using Sluice.Formats;

namespace Sluice.Kernel.Mounts;

public sealed partial class MountProcess
{
    /// <summary>The child and the pipes to it.</summary>
    private sealed class Child(Process process) : IDisposable
    {
        private readonly BinaryWriter _requests = new(process.StandardInput.BaseStream, Encoding.UTF8);
        private readonly BinaryReader _answers = new(process.StandardOutput.BaseStream, Encoding.UTF8);

        public int Id => process.Id;

        public bool HasExited => process.HasExited;

        public static Child Start(MountProcessOptions options)
        {
            var start = new ProcessStartInfo(options.Executable, [.. options.Arguments, MountChild.Argument, options.Guard ?? "", options.Namespace?.Path ?? ""])
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                WorkingDirectory = "/",
            };
            start.Environment["DOTNET_GCHeapHardLimit"] = "0x2000000"; // 32 MiB: it holds a few paths
            start.Environment["DOTNET_GCgen0size"] = "0x40000"; // or the first collection comes only after hundreds of mounts
            start.Environment["DOTNET_EnableDiagnostics"] = "0";
            start.Environment["DOTNET_gcConcurrent"] = "0";
            start.Environment["DOTNET_TieredPGO"] = "0";
            try
            {
                return new Child(Process.Start(start)!);
            }
            catch (System.ComponentModel.Win32Exception refused)
            {
                throw new SluiceException(SluiceError.Kernel, options.Executable, "the mount process can't be started", inner: refused);
            }
        }

        public MountAnswer Ask(MountRequest request)
        {
            using var message = new MemoryStream();
            using var writer = new BinaryWriter(message, Encoding.UTF8);
            request.WriteTo(writer);
            writer.Flush();
            _requests.Write(message.GetBuffer(), 0, (int)message.Length);
            _requests.Flush();
            return MountAnswer.ReadFrom(_answers);
        }

        /// <summary>End of input ends it, unless it hangs in a system call or runs a program; then the kill, of that program too, takes effect when the call returns.</summary>
        public void Dispose()
        {
            try
            {
                _requests.Dispose();
                if (!process.WaitForExit(TimeSpan.FromMilliseconds(200))) process.Kill(entireProcessTree: true);
            }
            catch (Exception gone) when (gone is InvalidOperationException or IOException)
            {
                // It has ended by itself.
            }

            process.Dispose(); // not the answers: a thread may still sleep in a read of them
        }
    }
}
