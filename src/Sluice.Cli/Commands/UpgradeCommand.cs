using System.CommandLine;
using Sluice.Formats;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

internal static class UpgradeCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static Command Create()
    {
        var admin = new Option<string?>("--admin-address") { Description = $"The daemon's admin socket (default: the one that {ConfigurationFile.DefaultPath} names, or {new NodeOptions().AdminSocketPath})" };
        var program = new Option<string?>("--program") { Description = "Executable of the new daemon (default: the file of the running one, as it is now)" };
        var command = new Command("upgrade", "Replace the running daemon by a new one; what is mounted stays.") { admin, program };
        command.SetAction(async (parsed, cancellation) =>
        {
            string socket = parsed.GetValue(admin) ?? ConfigurationFile.Read(null).AdminSocketPath;
            string? path = parsed.GetValue(program);
            var client = new AdminClient(socket);
            DaemonProcess before = await client.FindProcessAsync(cancellation), next = await client.UpgradeAsync(new UpgradeRequest(path is null ? null : Path.GetFullPath(path)), cancellation);
            await UntilAnswersAsync(client, socket, next.Process, cancellation);
            Console.Out.WriteLine($"process {next.Process} has taken over from process {before.Process}");
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task UntilAnswersAsync(AdminClient client, string socket, int process, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        try
        {
            while (!await AnswersAsync(client, process, patience.Token))
            {
                if (!Directory.Exists($"/proc/{process}")) throw new SluiceException(SluiceError.Runtime, $"process {process}", "the new daemon ended before it had taken over", "its log says why; if the old one has gone, start one: what is mounted waits for it");
                await Task.Delay(20, patience.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new SluiceException(SluiceError.Timeout, socket, $"the new daemon, process {process}, does not answer in {Patience.TotalSeconds:0} s", "its log says why");
        }
    }

    private static async Task<bool> AnswersAsync(AdminClient client, int process, CancellationToken cancellation)
    {
        try
        {
            return (await client.FindProcessAsync(cancellation)).Process == process;
        }
        catch (SluiceException)
        {
            return false; // between the two
        }
    }
}
