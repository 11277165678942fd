using System.Text;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

internal sealed unsafe partial class KeeperServer
{
    private void Hear(KeeperClient client)
    {
        int length = client.Socket.Receive(_packet, out int descriptor, wait: false);
        if (length == -Errno.EAGAIN) return;
        bool heard = length > 0;
        if (heard && !Understand(client, _packet.AsSpan(0, length), ref descriptor))
        {
            _log($"the connection of process {client.Process} was closed: it sent no request, or took no answer");
            heard = false;
        }
        else if (length < 0)
        {
            Answer(client, KeeperStatus.Refused, "one request a packet, one descriptor at most, and the keeper may be out of descriptors"u8);
        }

        if (descriptor >= 0) Libc.Close(descriptor);
        if (!heard) Leave(client);
    }

    /// <summary>False when the connection is to be closed.</summary>
    /// <param name="descriptor">Set to -1 when it was taken.</param>
    private bool Understand(KeeperClient client, ReadOnlySpan<byte> packet, ref int descriptor)
    {
        if (!KeeperMessage.TryRead(packet, out ushort version, out ushort code)) return false;
        if (version != KeeperMessage.Version) return Answer(client, KeeperStatus.Refused, Encoding.UTF8.GetBytes($"the keeper speaks version {KeeperMessage.Version}, not {version}"));
        ReadOnlySpan<byte> text = packet[KeeperMessage.HeaderSize..];
        return (KeeperRequest)code switch
        {
            KeeperRequest.Keep => Keep(client, text, ref descriptor),
            KeeperRequest.Release => Release(client, text),
            KeeperRequest.Next => Next(client, text, take: true),
            KeeperRequest.List => Next(client, text, take: false),
            KeeperRequest.Stop => Stop(client, anyway: false),
            KeeperRequest.StopAnyway => Stop(client, anyway: true),
            KeeperRequest.Listener => Find(text) is { } held ? Answer(client, KeeperStatus.Done, held.Name, held.Descriptor) : Answer(client, KeeperStatus.End, []),
            KeeperRequest.Serve => Serve(client, text),
            KeeperRequest.Leave => Leave(client, text),
            _ => false,
        };
    }

    private bool Keep(KeeperClient client, ReadOnlySpan<byte> name, ref int descriptor)
    {
        if (!DescriptorName.IsValid(name) || descriptor < 0) return false;
        bool isListener = Holdable.IsListener(descriptor);
        if (!isListener && !Holdable.IsFuse(descriptor)) return Answer(client, KeeperStatus.Refused, "only descriptors of /dev/fuse and listening unix sockets are held"u8);
        if (isListener) Libc.Fcntl(descriptor, Libc.F_SETFL, Libc.Fcntl(descriptor, Libc.F_GETFL, 0) | Libc.O_NONBLOCK); // one that gave up must not leave accept(2) waiting for another
        if (_held.All.Count >= HeldDescriptors.Limit && !_held.Has(name) && _held.DropEnded() == 0) return Answer(client, KeeperStatus.Refused, "too many are held"u8);
        _held.Keep(new HeldDescriptor(name.ToArray(), descriptor, isListener) { Server = client });
        descriptor = -1;
        return Answer(client, KeeperStatus.Done, []);
    }

    private bool Release(KeeperClient client, ReadOnlySpan<byte> name)
    {
        if (!DescriptorName.IsValid(name)) return false;
        _held.Release(name);
        return Answer(client, KeeperStatus.Done, []);
    }

    private bool Next(KeeperClient client, ReadOnlySpan<byte> last, bool take)
    {
        if (last.Length > 0 && !DescriptorName.IsValid(last)) return false;
        if (last.Length == 0) _held.DropEnded();
        HeldDescriptor? held = _held.After(last);
        while (take && held is { Callers: not null }) held = _held.After(held.Name);
        if (held is null) return Answer(client, KeeperStatus.End, []);
        if (!take) return Answer(client, KeeperStatus.Done, held.Name);
        if (!Answer(client, KeeperStatus.Done, held.Name, held.Descriptor)) return false;
        held.Answers?.Dispose();
        held.Answers = null;
        held.Server = client;
        return true;
    }

    private HeldDescriptor? Find(ReadOnlySpan<byte> name) => DescriptorName.IsValid(name) && _held.Find(name) is { Callers: not null } held ? held : null;

    private bool Serve(KeeperClient client, ReadOnlySpan<byte> name)
    {
        if (Find(name) is not { } held) return Answer(client, KeeperStatus.End, []);
        held.Server = client;
        int waiting = held.Callers!.Next();
        if (waiting < 0) return Answer(client, KeeperStatus.End, []);
        bool answered = Answer(client, KeeperStatus.Done, held.Name, waiting);
        Libc.Close(waiting);
        return answered;
    }

    private bool Leave(KeeperClient client, ReadOnlySpan<byte> name)
    {
        if (Find(name) is { } held && held.Server == client) Abandon(held);
        return Answer(client, KeeperStatus.Done, []);
    }

    private bool Stop(KeeperClient client, bool anyway)
    {
        _held.DropEnded();
        int abandoned = _held.Connections(abandoned: true);
        if (abandoned > 0 && !anyway)
        {
            return Answer(client, KeeperStatus.Refused, Encoding.UTF8.GetBytes($"{abandoned} connections are held that no daemon serves: their mounts would be lost"));
        }

        IsMissed = !anyway && _held.Connections() > 0;
        _log($"stopped by process {client.Process}, {_held.Connections()} connections were held");
        _ended = true;
        return Answer(client, KeeperStatus.Done, []);
    }

    /// <summary>False when the client has gone, or does not read what it asked for.</summary>
    private static bool Answer(KeeperClient client, KeeperStatus status, ReadOnlySpan<byte> text, int descriptor = -1)
    {
        Span<byte> packet = stackalloc byte[KeeperMessage.MaxSize];
        int length = KeeperMessage.Write(packet, (ushort)status, text);
        return client.Socket.Send(packet[..length], descriptor, wait: false) == 0;
    }
}
