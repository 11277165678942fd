using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sluice.Kernel.Keeper;

/// <summary>A listening socket that this process has served, and may serve still.</summary>
internal sealed class ServedListener(byte[] name, SafeHandle listener, Action<SafeSocketHandle> called)
{
    /// <summary>The process does not accept on it any more.</summary>
    public bool IsLeft { get; set; }

    public bool IsClosed => listener.IsClosed;

    /// <summary>
    /// Tells a keeper what is so. It may be the same that has been told before and was slow: then it has it, and those who have called since it took this process for dead. They must
    /// not be lost, as they would if the socket were given to it again.
    /// </summary>
    public void Offer(KeeperConnection keeper)
    {
        bool isHeld = keeper.Holds(name);
        if (!isHeld) keeper.Keep(name, listener);
        if (IsLeft) keeper.Leave(name);
        else if (isHeld) keeper.Serve(name, called);
    }
}
