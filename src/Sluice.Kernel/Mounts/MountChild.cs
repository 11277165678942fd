using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// The other end of <see cref="MountProcess"/>: the same executable, started with a hidden argument. Answers mount
/// requests on its standard input one after the other and ends when the input does, which is when its parent is gone.
/// </summary>
public static class MountChild
{
    /// <summary>The hidden first argument.</summary>
    public const string Argument = "__mounts";

    /// <summary>
    /// To be called first thing in <c>Main</c>, before anything is loaded. True if this process was started as a mount
    /// process; it has done its work then and should exit with <paramref name="exitCode"/>.
    /// </summary>
    public static bool TryRun(string[] args, out int exitCode)
    {
        exitCode = 0;
        if (args is not [Argument, .. { Length: <= 2 } more]) return false; // none and one are what earlier versions say, which may run on when their file has been replaced
        (string guardFile, string place) = (more.ElementAtOrDefault(0) ?? "", more.ElementAtOrDefault(1) ?? "");
        // A Ctrl-C on the terminal goes to the whole process group, but the daemon still has to unmount through this one.
        Action<PosixSignalContext> ignore = context => context.Cancel = true;
        using (PosixSignalRegistration.Create(PosixSignal.SIGINT, ignore))
        using (PosixSignalRegistration.Create(PosixSignal.SIGTERM, ignore))
        using (PosixSignalRegistration.Create(PosixSignal.SIGHUP, ignore))
        {
            Environment.CurrentDirectory = "/";
            using MountGuard? guard = guardFile.Length > 0 ? MountGuard.Share(guardFile) : null;
            if (place.Length > 0) MountNamespace.Open(place).Enter();
            using Stream input = Console.OpenStandardInput();
            using Stream output = Console.OpenStandardOutput();
            Warm();
            Serve(input, output);
        }

        return true;
    }

    /// <summary>
    /// Goes through the motions of a mount ahead of the first request, which would otherwise pay for compiling and loading
    /// what it runs through (first mount 76 ms without, 6 ms with it, just-in-time compiled on a busy machine).
    /// </summary>
    private static void Warm()
    {
        using var request = new MemoryStream();
        using (var writer = new BinaryWriter(request, Encoding.UTF8, leaveOpen: true)) new MountRequest(MountKind.Detach, "/proc/self/nothing") { Paths = ["x"] }.WriteTo(writer);
        request.Position = 0;
        Serve(request, Stream.Null);
        MountCalls.Warm();
    }

    internal static void Serve(Stream input, Stream output)
    {
        using var reader = new BinaryReader(input, Encoding.UTF8);
        while (true)
        {
            using var answer = new MemoryStream();
            using var writer = new BinaryWriter(answer, Encoding.UTF8);
            try
            {
                MountRequest request = MountRequest.ReadFrom(reader);
                try
                {
                    request.Run().WriteTo(writer);
                }
                catch (Exception failure)
                {
                    MountAnswer.WriteFailure(writer, failure);
                }

                writer.Flush();
                output.Write(answer.GetBuffer(), 0, (int)answer.Length);
                output.Flush();
                GC.Collect(1); // a request leaves a few KiB behind, so that by itself none would come in hundreds of mounts; those that it still holds here are the next one's to collect
            }
            catch (IOException) // the parent is gone (end of stream, broken pipe)
            {
                return;
            }
        }
    }
}
